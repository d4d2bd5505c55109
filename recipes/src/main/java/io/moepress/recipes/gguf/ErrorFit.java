package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.gguf.ChosenTypes;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.gguf.TypeErrors.Question;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// Chooses a type for each matrix: the smallest sum of [TypeErrors] among all files that are not
/// larger than wanted.
final class ErrorFit {
  private final TypeErrors errors;
  private final List<Exemption> exemptions;
  private final GgufPlanner.Fitting fitting;

  ErrorFit(TypeErrors errors, List<Exemption> exemptions, GgufPlanner.Fitting fitting) {
    this.errors = errors;
    this.exemptions = exemptions;
    this.fitting = fitting;
  }

  /// The best plan.
  ///
  /// @param planner a file by a rule
  /// @throws RecipeException when none fits
  GgufPlan best(Function<TypeRule, GgufPlan> planner, ByteSize limit) throws IOException {
    GgufPlan smallest = planner.apply(TypeRule.all(TypeLadder.smallest()));
    if (smallest.byteCount() > limit.bytes()) {
      throw new RecipeException(
          Checks.text(
              "--fit: %s (the smallest file takes %s). Prune experts first, or allow more.",
              limit.rounded(), new ByteSize(smallest.byteCount()).rounded()));
    }
    List<Question> questions = TypeLadder.questions(smallest.tensors(), exemptions, _ -> true);
    TypeSpending spending =
        new TypeSpending(questions, errors.of(questions, fitting.workers(), fitting.progress()));
    Optional<Map<String, GgufType>> types = spending.best(smallest, limit, fitting.chooser());
    if (types.isEmpty()) {
      return smallest;
    }
    ChosenTypes rule = ChosenTypes.most("by error", types.get(), spending.weights(types.get()));
    return planner
        .apply(rule)
        .withNotes(
            List.of(
                Checks.text(
                    "each of %d matrices has the type by which the sum of squared errors is smallest"
                        + " within %s; %s",
                    questions.size(), limit.rounded(), errors.use())));
  }
}
