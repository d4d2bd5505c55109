package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.gguf.GgufPreset.Mix;
import io.moepress.formats.gguf.Piece.View;
import io.moepress.formats.tensor.Shape;
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
    return new Mix(preset, layers, experts, false).wanted(tensor(name, 512));
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
    Mix tied = new Mix(GgufPreset.Q4_K_M, 32, 64, true);

    assertThat(tied.wanted(tensor("token_embd.weight", 512))).isEqualTo(GgufType.Q6_K);
    assertThat(tied.wanted(tensor("token_embd.weight", 128))).isEqualTo(GgufType.Q8_0);
  }

  @Test
  void namesInAnyCase() {
    assertThat(GgufPreset.named("q4_k_m")).contains(GgufPreset.Q4_K_M);
    assertThat(GgufPreset.named("Q4_K")).isEmpty();
  }
}
