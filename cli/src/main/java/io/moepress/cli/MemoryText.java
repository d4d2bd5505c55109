package io.moepress.cli;

import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.MemoryBudget;

/// Memory, predicted and used, as people read it.
final class MemoryText {
  private MemoryText() {}

  /// What a run has used so far.
  ///
  /// @param predicted the most it was to use, in bytes
  static String of(long predicted, MemoryBudget budget) {
    String peak =
        MemoryBudget.peak().stream()
            .mapToObj(bytes -> "peak " + size(bytes) + ", ")
            .findFirst()
            .orElse("");
    return "memory: "
        + peak
        + "predicted at most "
        + size(predicted)
        + ", allowed "
        + size(budget.bytes());
  }

  private static String size(long bytes) {
    return new ByteSize(bytes).rounded();
  }
}
