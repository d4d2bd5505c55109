package io.moepress.recipes.gguf;

import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufTypes;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.recipes.gguf.TypeErrors.Question;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// The types among which one is chosen for a matrix. Types of whole blocks of 256 have those with
/// smaller blocks in their place where rows do not divide.
final class TypeLadder {
  private static final List<GgufType> TYPES =
      List.of(
          GgufType.Q2_K, GgufType.Q3_K, GgufType.Q4_K, GgufType.Q5_K, GgufType.Q6_K, GgufType.Q8_0);

  /// Bits of codes that there are, ascending.
  static final List<Integer> WIDTHS = List.of(2, 3, 4, 5, 6, 8);

  /// Elements of which there is a whole number in every row of blocks.
  static final int UNIT = 32;

  private TypeLadder() {}

  static GgufType smallest() {
    return TYPES.getFirst();
  }

  /// The matrices that have a choice, the types of each by size.
  ///
  /// @param exemptions those that somebody else has chosen for
  /// @param among which of the others
  static List<Question> questions(
      List<GgufTensor> tensors, List<Exemption> exemptions, Predicate<GgufTensor> among) {
    List<Question> questions = new ArrayList<>();
    for (GgufTensor tensor : tensors) {
      boolean fixed =
          exemptions.stream()
              .anyMatch(exemption -> exemption.pattern().matcher(tensor.name()).find());
      if (GgufTypes.takesType(tensor)
          && !fixed
          && tensor.width() % UNIT == 0
          && among.test(tensor)) {
        questions.add(
            new Question(
                tensor,
                TYPES.stream()
                    .map(type -> GgufTypes.fitting(type, tensor.width()))
                    .distinct()
                    .toList()));
      }
    }
    return questions;
  }

  /// Bits of the code of a weight, without scales: one of [#WIDTHS].
  static int codeBits(GgufType type) {
    return switch (type) {
      case Q2_K -> 2;
      case Q3_K -> 3;
      case Q4_0, Q4_K -> 4;
      case Q5_0, Q5_1, Q5_K -> 5;
      case Q6_K -> 6;
      case Q8_0 -> 8;
      case F32,
          F16,
          Q4_1,
          Q8_1,
          Q8_K,
          IQ2_XXS,
          IQ2_XS,
          IQ3_XXS,
          IQ1_S,
          IQ4_NL,
          IQ3_S,
          IQ2_S,
          IQ4_XS,
          I8,
          I16,
          I32,
          I64,
          F64,
          IQ1_M,
          BF16,
          TQ1_0,
          TQ2_0,
          MXFP4 ->
          throw new IllegalStateException(type + " is not chosen");
    };
  }
}
