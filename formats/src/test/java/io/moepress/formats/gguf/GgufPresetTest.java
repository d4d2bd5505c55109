package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.gguf.Piece.View;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.formats.tensor.Shape;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The mixes of llama-quantize, tensor by tensor.
class GgufPresetTest {

  private static GgufTensor tensor(String name, long width) {
    return new GgufTensor(
        name, Shape.of(4, width), List.of(new Piece("x", 0, 4, 4, width, View.plain(width))));
  }

  private static GgufType wanted(GgufPreset preset, int layers, int experts, String name) {
    return new GgufMix(preset, new GgufMix.Sizes(layers, experts, 4), false, false)
        .wanted(tensor(name, 512));
  }

  /// The first eighth, the last eighth, and every third layer between.
  @Test
  void layersWithMoreBits() {
    List<Integer> more =
        IntStream.range(0, 32)
            .filter(layer ->
                wanted(GgufPreset.Q4_K_M, 32, 64, "blk." + layer + ".ffn_down_exps.weight")
                    == GgufType.Q6_K)
            .boxed()
            .toList();
    assertThat(more).containsExactly(0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31);
  }

  @ParameterizedTest
  @CsvSource({
    "Q4_K_M, 64, blk.0.attn_v.weight, Q6_K",
    "Q4_K_M, 64, blk.4.attn_v.weight, Q4_K",
    "Q4_K_M, 64, blk.0.attn_k.weight, Q4_K",
    "Q4_K_M, 64, blk.0.ffn_up_exps.weight, Q4_K",
    "Q4_K_M, 64, blk.0.ffn_down_shexp.weight, Q6_K",
    "Q4_K_M, 64, token_embd.weight, Q4_K",
    "Q4_K_M, 64, output.weight, Q6_K",
    "Q4_K_M, 8, blk.4.attn_v.weight, Q8_0",
    "Q4_K_M, 8, blk.4.attn_k.weight, Q8_0",
    "Q4_K_M, 8, blk.4.attn_output.weight, Q5_K",
    "Q4_K_M, 64, blk.4.attn_output.weight, Q4_K",
    "Q4_K_S, 64, blk.3.attn_v.weight, Q5_K",
    "Q4_K_S, 64, blk.4.attn_v.weight, Q4_K",
    "Q4_K_S, 64, blk.3.ffn_down_exps.weight, Q5_K",
    "Q4_K_S, 64, blk.31.ffn_down_exps.weight, Q4_K",
    "Q5_K_M, 64, blk.31.attn_v.weight, Q6_K",
    "Q5_K_M, 8, blk.4.attn_output.weight, Q5_K",
    "Q5_K_S, 64, blk.0.ffn_down_exps.weight, Q5_K",
    "Q2_K, 64, blk.9.attn_v.weight, Q4_K",
    "Q2_K, 64, blk.9.ffn_down_exps.weight, Q3_K",
    "Q2_K, 64, blk.9.attn_output.weight, Q3_K",
    "Q2_K, 8, blk.9.attn_output.weight, Q5_K",
    "Q2_K, 64, output.weight, Q6_K",
    "Q3_K_S, 64, blk.0.attn_v.weight, Q3_K",
    "Q3_K_S, 8, blk.0.attn_output.weight, Q5_K",
    "Q3_K_M, 64, blk.1.attn_v.weight, Q5_K",
    "Q3_K_M, 64, blk.2.attn_v.weight, Q4_K",
    "Q3_K_M, 64, blk.1.ffn_down_exps.weight, Q5_K",
    "Q3_K_M, 64, blk.2.ffn_down_exps.weight, Q4_K",
    "Q3_K_M, 64, blk.2.attn_output.weight, Q4_K",
    "Q3_K_L, 64, blk.2.attn_v.weight, Q5_K",
    "Q3_K_L, 64, blk.2.ffn_down_exps.weight, Q5_K",
    "Q3_K_L, 64, blk.2.attn_output.weight, Q5_K",
    "Q3_K_L, 8, blk.2.attn_output.weight, Q3_K",
    "Q4_0, 64, blk.0.ffn_down_exps.weight, Q4_0",
    "Q4_0, 64, output.weight, Q6_K",
    "Q4_0, 8, blk.0.attn_k.weight, Q8_0",
    "Q4_1, 64, output.weight, Q6_K",
    "Q5_0, 64, output.weight, Q6_K",
    "Q5_1, 64, blk.0.attn_v.weight, Q5_1",
    "Q6_K, 64, blk.0.attn_v.weight, Q6_K",
    "Q8_0, 64, output.weight, Q8_0",
    "IQ4_XS, 64, blk.9.attn_v.weight, Q5_K",
    "IQ4_XS, 64, blk.3.ffn_down_exps.weight, Q5_K",
    "IQ4_XS, 64, blk.4.ffn_down_exps.weight, IQ4_XS",
    "TQ1_0, 64, token_embd.weight, Q4_K",
    "TQ2_0, 64, output.weight, Q6_K",
    "MXFP4_MOE, 8, blk.0.ffn_down_exps.weight, MXFP4",
    "MXFP4_MOE, 8, blk.0.ffn_gate_exps.weight, MXFP4",
    "MXFP4_MOE, 8, blk.0.ffn_down_shexp.weight, Q8_0",
    "MXFP4_MOE, 8, blk.0.attn_v.weight, Q8_0",
    "MXFP4_MOE, 8, output.weight, Q8_0",
  })
  void typesOfTheMixes(GgufPreset preset, int experts, String name, GgufType expected) {
    assertThat(wanted(preset, 32, experts, name)).isEqualTo(expected);
  }

  @Test
  void anEmbeddingThatServesAsOutputHeadIsOne() {
    GgufMix tied = new GgufMix(GgufPreset.Q4_K_M, new GgufMix.Sizes(32, 64, 4), true, false);

    assertThat(tied.wanted(tensor("token_embd.weight", 512))).isEqualTo(GgufType.Q6_K);
    assertThat(tied.wanted(tensor("token_embd.weight", 128))).isEqualTo(GgufType.Q8_0);
  }

  /// Of heads that share nothing.
  @Test
  void valuesThatFewHeadsShareHaveFewerBits() {
    GgufMix mix = new GgufMix(GgufPreset.Q2_K, new GgufMix.Sizes(32, 64, 2), false, false);

    assertThat(mix.wanted(tensor("blk.9.attn_v.weight", 512))).isEqualTo(GgufType.Q3_K);
  }

  @ParameterizedTest
  @CsvSource({"Q4_0, 3, Q4_1", "Q4_0, 4, Q4_0", "Q5_0, 0, Q5_1", "IQ4_NL, 0, IQ4_NL"})
  void importanceChangesFirstDownProjections(GgufPreset preset, int layer, GgufType expected) {
    GgufMix mix = new GgufMix(preset, new GgufMix.Sizes(32, 64, 4), false, true);

    assertThat(mix.wanted(tensor("blk." + layer + ".ffn_down_exps.weight", 512)))
        .isEqualTo(expected);
  }

  @Test
  void theLadderGoesDown() {
    GgufTensor matrix = tensor("blk.9.ffn_up_exps.weight", 512);
    List<Double> bits =
        GgufPreset.ladder().stream()
            .map(preset -> new GgufMix(preset, new GgufMix.Sizes(32, 64, 4), false, false))
            .map(mix -> mix.wanted(matrix))
            .map(type -> (double) type.blockBytes() / type.blockElements())
            .toList();

    assertThat(bits).isSortedAccordingTo(Comparator.reverseOrder());
  }

  @Test
  void theFirstExceptionThatMatchesCounts() {
    TypeRule rule =
        new TypeExceptions(
            TypeRule.all(GgufType.Q4_0),
            List.of(Exemption.parse("blk\\.[01]\\.attn=q8_0"), Exemption.parse("attn_v=F16")));

    assertThat(rule.wanted(tensor("blk.1.attn_v.weight", 512))).isEqualTo(GgufType.Q8_0);
    assertThat(rule.wanted(tensor("blk.2.attn_v.weight", 512))).isEqualTo(GgufType.F16);
    assertThat(rule.wanted(tensor("blk.1.ffn_up_exps.weight", 512))).isEqualTo(GgufType.Q4_0);
  }

  @ParameterizedTest
  @CsvSource({
    "attn_v, 'no pattern (expected PATTERN=TYPE'",
    "=Q8_0, 'no pattern'",
    "(=Q8_0, 'pattern (: missing closing )'",
    "attn=Q8, 'unknown type \"Q8\" (expected one of: F32'",
    "attn=IQ1_S, 'unknown type'",
  })
  void exceptionsThatCannotBeRead(String text, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Exemption.parse(text))
        .withMessageContaining(message);
  }

  @Test
  void anExceptionForNothingIsRefused() {
    TypeExceptions rule =
        new TypeExceptions(TypeRule.all(GgufType.Q4_0), List.of(Exemption.parse("attn_norm=Q8_0")));

    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            rule.requireUsed(
                List.of(tensor("blk.0.attn_norm.weight", 512), tensor("output.weight", 512))))
        .withMessageContaining("no matrix has such a name (there are, for example: output.weight)");
  }

  @Test
  void namesInAnyCase() {
    assertThat(GgufPreset.named("q4_k_m")).contains(GgufPreset.Q4_K_M);
    assertThat(GgufPreset.named("Q4_K")).contains(GgufPreset.Q4_K_M);
    assertThat(GgufPreset.named("Q3_K")).contains(GgufPreset.Q3_K_M);
    assertThat(GgufPreset.named("Q4_K_X")).isEmpty();
  }
}
