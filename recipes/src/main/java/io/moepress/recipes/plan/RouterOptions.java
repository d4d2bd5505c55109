package io.moepress.recipes.plan;

/// What a recipe asks of everything around the experts that are dropped.
///
/// @param mode what becomes of the router rows of the dropped
/// @param topK how many experts a token uses afterwards
/// @param groups what becomes of groups of experts
/// @param prediction what becomes of layers for multi-token prediction
public record RouterOptions(
    RouterMode mode, TopKRule topK, GroupMode groups, PredictionMode prediction) {

  /// What a recipe gets that says nothing: function changes as little as possible.
  public static final RouterOptions DEFAULT = of(RouterMode.SLICE);

  /// A router mode, and all else as by default.
  public static RouterOptions of(RouterMode mode) {
    return new RouterOptions(mode, TopKRule.SAME, GroupMode.KEEP, PredictionMode.DROP);
  }
}
