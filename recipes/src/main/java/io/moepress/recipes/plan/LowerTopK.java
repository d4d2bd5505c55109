package io.moepress.recipes.plan;

import io.moepress.formats.Checks;

/// Lets every token use fewer experts than before: a change of function.
///
/// @param from experts a token uses before this step
/// @param to experts it uses afterwards
public record LowerTopK(int from, int to) implements PlanStep {

  public LowerTopK {
    Checks.require(
        to >= 1 && to < from, "lower-top-k: from %d to %d (expected 1 to %d)", from, to, from - 1);
  }
}
