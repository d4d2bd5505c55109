package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.gguf.ChosenTypes;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufTypes;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.gguf.TypeErrors.Question;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Chooses a type for each matrix: the smallest sum of [TypeErrors] among all files that are not
/// larger than wanted. Types of whole blocks of 256 have those with smaller blocks in their place
/// where rows do not divide.
final class ErrorFit {
  private static final List<GgufType> LADDER =
      List.of(
          GgufType.Q2_K, GgufType.Q3_K, GgufType.Q4_K, GgufType.Q5_K, GgufType.Q6_K, GgufType.Q8_0);

  /// Elements of which there is a whole number in every row of blocks.
  private static final int UNIT = 32;

  /// Sizes are those of so many elements, in which every type has whole bytes.
  private static final int SIZED = 256;

  /// What the padding behind a tensor takes at most.
  private static final int PADDING = 32;

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
    GgufPlan smallest = planner.apply(TypeRule.all(LADDER.getFirst()));
    List<Question> questions = questions(smallest.tensors());
    long others = smallest.byteCount();
    for (Question question : questions) {
      others -= smallestOf(question) - PADDING;
    }
    long left = limit.bytes() - others;
    List<TypeChooser.Matrix> matrices = matrices(questions);
    long least = questions.stream().mapToLong(ErrorFit::smallestOf).reduce(0, Math::addExact);
    if (left < least && smallest.byteCount() <= limit.bytes()) {
      return smallest;
    }
    if (left < least) {
      throw new RecipeException(
          Checks.text(
              "--fit: %s (the smallest file takes %s). Prune experts first, or allow more.",
              limit.rounded(), new ByteSize(smallest.byteCount()).rounded()));
    }
    List<Integer> options =
        fitting.chooser().choose(matrices, Math.multiplyExact(left, SIZED / UNIT));
    return planner
        .apply(chosen(questions, options))
        .withNotes(
            List.of(
                Checks.text(
                    "each of %d matrices has the type by which the sum of squared errors is smallest"
                        + " within %s",
                    questions.size(), limit.rounded())));
  }

  private static long smallestOf(Question question) {
    return question.types().getFirst().bytes(question.tensor().shape().elementCount());
  }

  /// The matrices that have a choice, the types of each by size.
  private List<Question> questions(List<GgufTensor> tensors) {
    List<Question> questions = new ArrayList<>();
    for (GgufTensor tensor : tensors) {
      boolean fixed =
          exemptions.stream()
              .anyMatch(exemption -> exemption.pattern().matcher(tensor.name()).find());
      if (GgufTypes.takesType(tensor) && !fixed && tensor.width() % UNIT == 0) {
        List<GgufType> types =
            LADDER.stream()
                .map(type -> GgufTypes.fitting(type, tensor.width()))
                .distinct()
                .toList();
        questions.add(new Question(tensor, types));
      }
    }
    return questions;
  }

  private List<TypeChooser.Matrix> matrices(List<Question> questions) throws IOException {
    List<double[]> measured = errors.of(questions, fitting.workers(), fitting.progress());
    List<TypeChooser.Matrix> matrices = new ArrayList<>();
    for (int i = 0; i < measured.size(); i++) {
      List<Double> costs = new ArrayList<>();
      for (double error : measured.get(i)) {
        costs.add(error);
      }
      matrices.add(
          new TypeChooser.Matrix(
              questions.get(i).tensor().shape().elementCount() / UNIT,
              questions.get(i).types().stream().map(type -> (int) type.bytes(SIZED)).toList(),
              costs));
    }
    return matrices;
  }

  private static TypeRule chosen(List<Question> questions, List<Integer> options) {
    Map<String, GgufType> types = new HashMap<>();
    Map<GgufType, Long> weights = new EnumMap<>(GgufType.class);
    GgufType most = LADDER.getLast();
    for (int i = 0; i < options.size(); i++) {
      GgufTensor tensor = questions.get(i).tensor();
      GgufType type = questions.get(i).types().get(options.get(i));
      types.put(tensor.name(), type);
      long now = weights.getOrDefault(type, 0L) + tensor.shape().elementCount();
      weights.put(type, now);
      most = now > weights.getOrDefault(most, 0L) ? type : most;
    }
    return new ChosenTypes(types, most);
  }
}
