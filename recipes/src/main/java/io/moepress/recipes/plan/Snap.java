package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;

/// To which numbers of experts a budget is rounded.
public sealed interface Snap {

  /// To none: the budget counts as it is.
  Snap NONE = new None();

  /// Reads `target`, or a number.
  ///
  /// @throws IllegalArgumentException if it is neither
  static Snap parse(String text) {
    if (text.equals("target")) {
      return new OfTarget();
    }
    Checks.require(
        text.matches("[0-9]{1,9}") && Integer.parseInt(text) > 0,
        "%s (expected a whole number from 1 on, or target)",
        Words.quoted(text));
    return new MultipleOf(Integer.parseInt(text));
  }

  /// See [Snap#NONE].
  record None() implements Snap {
    @Override
    public String toString() {
      return "none";
    }
  }

  /// To a multiple of a number, such as the size of a node of accelerators.
  ///
  /// @param unit at least 1
  record MultipleOf(int unit) implements Snap {
    /// As in a recipe: `8`.
    @Override
    public String toString() {
      return Integer.toString(unit);
    }
  }

  /// To a number for which the target runtime has neither warning nor note.
  record OfTarget() implements Snap {
    /// As in a recipe.
    @Override
    public String toString() {
      return "target";
    }
  }
}
