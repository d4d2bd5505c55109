package io.moepress.recipes.plan;

/// How many experts of a layer stay.
public sealed interface Budget permits KeepRatio, KeepCount {
  /// The number of experts that stay in a layer of `experts`; at least 1, at most `experts`.
  ///
  /// @throws IllegalArgumentException if the layer has fewer experts than the budget wants to keep
  int kept(int experts);
}
