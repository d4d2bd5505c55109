package io.moepress.recipes.plan;

/// Makes one group of all experts of a layer, so that a token may choose any: a change of function.
///
/// @param groups number of groups before this step
/// @param open number of groups a token chose from
public record IgnoreGroups(int groups, int open) implements PlanStep {}
