package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// What is compared with the original, and with each other.
///
/// @param contenders every candidate at every budget, in the order of the recipe and then of the
///   budgets, drawn lots last; at least one, no two with the same title
public record ComparisonSpec(List<Contender> contenders) {

  public ComparisonSpec {
    contenders = List.copyOf(contenders);
    Checks.require(!contenders.isEmpty(), "nothing to compare (expected at least one candidate)");
    Set<String> titles = new HashSet<>();
    for (Contender contender : contenders) {
      Checks.require(
          titles.add(contender.title()), "%s is there twice. Remove one", contender.title());
    }
  }
}
