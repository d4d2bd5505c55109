package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.ExpertGroups;

/// How many experts a token uses in the result.
public sealed interface TopKRule {

  /// As many as before.
  TopKRule SAME = new Same();

  /// As many as before, or as many as a token can reach where that is less.
  TopKRule FIT = new Fit();

  /// The number of experts a token uses in the result.
  ///
  /// @param topK experts a token uses now, `k`
  /// @param kept experts that stay in each layer
  /// @param groups the groups they stand in
  int topK(int topK, int kept, ExpertGroups groups);

  /// Reads `fit`, or a number.
  ///
  /// @throws IllegalArgumentException if it is neither
  static TopKRule parse(String text) {
    if (text.equals("fit")) {
      return FIT;
    }
    Checks.require(
        text.matches("[0-9]{1,9}") && Integer.parseInt(text) > 0,
        "%s (expected a whole number from 1 on, or fit)",
        Words.quoted(text));
    return new Lower(Integer.parseInt(text));
  }

  /// See [TopKRule#SAME].
  record Same() implements TopKRule {
    @Override
    public int topK(int topK, int kept, ExpertGroups groups) {
      return topK;
    }
  }

  /// See [TopKRule#FIT].
  record Fit() implements TopKRule {
    @Override
    public int topK(int topK, int kept, ExpertGroups groups) {
      return Math.clamp((long) kept / groups.count() * groups.open(), 1, topK);
    }
  }

  /// So many.
  ///
  /// @param count at least 1
  record Lower(int count) implements TopKRule {
    @Override
    public int topK(int topK, int kept, ExpertGroups groups) {
      if (count > topK) {
        throw new PlanMismatchException(
            "top-k: %d, but a token uses only %d experts (expected at most %d)", count, topK, topK);
      }
      return count;
    }
  }
}
