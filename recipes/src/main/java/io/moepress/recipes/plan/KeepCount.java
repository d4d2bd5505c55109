package io.moepress.recipes.plan;

import io.moepress.formats.Checks;

/// The same number of experts of every layer stays.
///
/// @param count at least 1
public record KeepCount(int count) implements Budget.OfLayer {

  public KeepCount {
    Checks.require(count != 0, "0 would leave no expert (expected at least 1)");
    Checks.require(count > 0, "%d (expected at least 1)", count);
  }

  @Override
  public int kept(int experts) {
    Checks.require(
        count <= experts, "%d experts to keep, but the layer has only %d", count, experts);
    return count;
  }

  /// As in a recipe: `16`.
  @Override
  public String toString() {
    return Integer.toString(count);
  }
}
