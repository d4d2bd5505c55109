package io.moepress.recipes.gguf;

import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufType;
import io.moepress.recipes.gguf.TypeErrors.Question;
import io.moepress.recipes.recipe.ByteSize;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// Spends the bytes of a file on the matrices that have a choice: exactly, by the programme that
/// chooses bits.
///
/// @param questions the matrices, each with its types by size
/// @param costs of each type of each matrix
record TypeSpending(List<Question> questions, List<double[]> costs) {
  /// Sizes are those of so many elements, in which every type has whole bytes.
  private static final int SIZED = 256;

  /// What the padding behind a tensor takes at most.
  private static final int PADDING = 32;

  TypeSpending {
    questions = List.copyOf(questions);
    costs = List.copyOf(costs);
  }

  /// The types whose costs are smallest together.
  ///
  /// @param base the same file with other types
  /// @param limit the size that it may have
  /// @return by the names of tensors; empty where the smallest types do not fit
  Optional<Map<String, GgufType>> best(GgufPlan base, ByteSize limit, TypeChooser chooser) {
    long left = limit.bytes() - base.byteCount() + chosenBytes(base) - padding();
    long least =
        questions.stream()
            .mapToLong(question ->
                question.types().getFirst().bytes(question.tensor().shape().elementCount()))
            .reduce(0, Math::addExact);
    if (left < least) {
      return Optional.empty();
    }
    List<Integer> options =
        chooser.choose(matrices(), Math.multiplyExact(left, SIZED / TypeLadder.UNIT));
    Map<String, GgufType> types = new LinkedHashMap<>();
    for (int i = 0; i < options.size(); i++) {
      Question question = questions.get(i);
      types.put(question.tensor().name(), question.types().get(options.get(i)));
    }
    return Optional.of(types);
  }

  /// What the matrices with a choice take in a file.
  private long chosenBytes(GgufPlan base) {
    Map<String, Long> bytes =
        base.header().entries().stream()
            .map(GgufHeader.Entry::info)
            .collect(Collectors.toMap(info -> info.name(), info -> info.byteCount()));
    return questions.stream()
        .mapToLong(question -> bytes.getOrDefault(question.tensor().name(), 0L))
        .reduce(0, Math::addExact);
  }

  private long padding() {
    return (long) questions.size() * PADDING;
  }

  private List<TypeChooser.Matrix> matrices() {
    List<TypeChooser.Matrix> matrices = new ArrayList<>();
    for (int i = 0; i < questions.size(); i++) {
      Question question = questions.get(i);
      List<Double> own = new ArrayList<>();
      for (double cost : costs.get(i)) {
        own.add(cost);
      }
      matrices.add(
          new TypeChooser.Matrix(
              question.tensor().shape().elementCount() / TypeLadder.UNIT,
              question.types().stream().map(type -> (int) type.bytes(SIZED)).toList(),
              own));
    }
    return matrices;
  }

  /// How many weights have each type.
  Map<GgufType, Long> weights(Map<String, GgufType> types) {
    Map<GgufType, Long> weights = new EnumMap<>(GgufType.class);
    for (Question question : questions) {
      GgufType type = types.get(question.tensor().name());
      if (type != null) {
        weights.merge(type, question.tensor().shape().elementCount(), Long::sum);
      }
    }
    return weights;
  }
}
