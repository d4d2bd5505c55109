package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.PruneMethod;

/// Experts are dropped.
///
/// @param method decides which
/// @param budget how many stay
/// @param protection who stays in any case
/// @param router what becomes of the router rows of the dropped
public record PruneStep(PruneMethod method, Budget budget, Protection protection, RouterMode router)
    implements RecipeStep {}
