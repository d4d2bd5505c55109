package io.moepress.recipes.plan;

/// Over what a budget of bits is spread.
public enum BitScope {
  /// Every layer gets the same bits on average.
  LAYER,
  /// Layers may take from each other.
  MODEL
}
