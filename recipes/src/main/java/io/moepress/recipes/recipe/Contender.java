package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import java.util.List;

/// One candidate of a comparison at one budget.
///
/// @param name what the candidate is called
/// @param setting which of the comparison's budgets was filled in; empty when all are its own
/// @param budget the budgets of its steps, as the recipe writes them; empty when it has none
/// @param draw tells drawings of the same lots apart, such as `seed 42`; empty for what is not
///   drawn. Contenders of one name and budget that differ in this are told as their mean
/// @param steps what is done, with the budget filled in; at least one
public record Contender(
    String name, String setting, String budget, String draw, List<RecipeStep> steps) {

  public Contender {
    steps = List.copyOf(steps);
    Checks.require(!name.isBlank(), "name: blank (expected the name of a candidate)");
    Checks.require(!steps.isEmpty(), "%s: no step (expected at least one)", name);
  }

  /// Everything that tells it apart, on one line.
  public String title() {
    return name + (budget.isEmpty() ? "" : " at " + budget) + (draw.isEmpty() ? "" : ", " + draw);
  }
}
