package io.moepress.recipes.plan;

/// What a recipe asks of every merge, whatever the method.
///
/// @param align how neurons are matched
/// @param router where the rows of the router come from
public record MergeOptions(Alignment align, MergeRouter router) {
  /// What a recipe gets that says nothing.
  public static final MergeOptions DEFAULT = new MergeOptions(Alignment.NONE, MergeRouter.DOMINANT);
}
