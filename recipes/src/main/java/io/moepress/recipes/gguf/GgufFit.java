package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/// Chooses a mix of types for a size.
public final class GgufFit {
  private GgufFit() {}

  /// The first of `rules` whose file is not larger than `limit`, with a note that says why.
  ///
  /// @param rules the best first
  /// @param planner a file by a rule
  /// @throws RecipeException when none fits
  public static GgufPlan best(
      List<TypeRule> rules, Function<TypeRule, GgufPlan> planner, ByteSize limit) {
    String better = "no mix with more bits is known";
    GgufPlan smallest = null;
    for (TypeRule rule : rules) {
      GgufPlan plan = planner.apply(rule);
      if (plan.byteCount() <= limit.bytes()) {
        return plan.withNotes(
            List.of(
                Checks.text(
                    "%s is the best mix within %s: %s", rule.label(), limit.rounded(), better)));
      }
      better = rule.label() + " takes " + new ByteSize(plan.byteCount()).rounded();
      if (smallest == null || plan.byteCount() < smallest.byteCount()) {
        smallest = plan;
      }
    }
    Objects.requireNonNull(smallest, "no mixes to choose from");
    throw new RecipeException(
        Checks.text(
            "--fit: %s (the smallest mix, %s, takes %s). Prune experts first, or allow more%s.",
            limit.rounded(),
            smallest.rule().label(),
            new ByteSize(smallest.byteCount()).rounded(),
            fitsByError(planner, limit)
                ? "; or choose types with \"--by error\", whose smallest file is small enough"
                : ""));
  }

  /// Whether a file is small enough that is smaller than all mixes.
  private static boolean fitsByError(Function<TypeRule, GgufPlan> planner, ByteSize limit) {
    return planner.apply(TypeRule.all(TypeLadder.smallest())).byteCount() <= limit.bytes();
  }
}
