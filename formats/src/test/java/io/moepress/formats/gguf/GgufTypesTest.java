package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.Refusal;
import io.moepress.formats.gguf.Piece.View;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufTypesTest {

  @ParameterizedTest
  @CsvSource({
    "token_embd.weight, 4, 256, Q4_K",
    "blk.0.ffn_down_exps.weight, 4, 256, Q4_K",
    "blk.0.attn_norm.weight, 1, 256, F32",
    "blk.0.attn_q_norm.weight, 4, 256, F32",
    "blk.0.ffn_gate_inp.weight, 4, 256, F32",
    "blk.0.ffn_gate_inp_shexp.weight, 1, 256, F32",
    "blk.0.exp_probs_b.bias, 1, 256, F32",
    "blk.0.attn_q.bias, 4, 256, F32",
  })
  void whatKeepsItsPrecision(String name, long rows, long columns, GgufType expected) {
    assertThat(GgufTypes.choose(tensor(name, rows, columns), GgufType.Q4_K)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "Q2_K, 512, Q2_K", "Q2_K, 1408, Q4_0", "Q3_K, 1408, Q4_0", "Q4_K, 1408, Q5_0",
    "Q5_K, 1408, Q5_1", "Q6_K, 1408, Q8_0", "IQ4_XS, 1408, IQ4_NL", "Q8_0, 1408, Q8_0",
    "Q8_0, 1400, F16", "Q4_K, 1400, F16", "MXFP4, 40, F16", "BF16, 7, BF16",
  })
  void widthsThatDoNotDivideGetANearType(GgufType wanted, long width, GgufType expected) {
    assertThat(GgufTypes.fitting(wanted, width)).isEqualTo(expected);
  }

  private static GgufTensor tensor(String name, long rows, long columns) {
    Shape shape = rows == 1 ? Shape.of(columns) : Shape.of(rows, columns);
    return new GgufTensor(
        name, shape, List.of(new Piece("x", 0, rows, rows, columns, View.plain(columns))));
  }

  @Test
  void numbersRoundToTheNearestAndToEven() {
    // 1, 1 + 2^-9 (a tie between 1 and 1 + 2^-7 it is not), 1 + 2^-8 (a tie), 1 + 3 * 2^-8 (a tie)
    TensorData values = floats(1f, 1 + 0x1p-9f, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f);

    assertThat(HexFormat.of().formatHex(PieceEncoder.encode(values, GgufType.BF16, null)))
        .isEqualTo("803f803f803f823f");
    assertThat(HexFormat.of().formatHex(PieceEncoder.encode(values, GgufType.F16, null)))
        .isEqualTo("003c023c043c0c3c");
    assertThat(PieceEncoder.encode(values, GgufType.F32, null))
        .isEqualTo(values.bytes().toArray(ValueLayout.JAVA_BYTE));
  }

  @Test
  void bf16IsTheUpperHalfOfF32() {
    TensorInfo info = new TensorInfo("x", DType.BF16, Shape.of(1, 2));
    TensorData values =
        new TensorData(info, MemorySegment.ofArray(HexFormat.of().parseHex("803f00c1")));

    assertThat(HexFormat.of().formatHex(PieceEncoder.encode(values, GgufType.F32, null)))
        .isEqualTo("0000803f000000c1");
    assertThat(HexFormat.of().formatHex(PieceEncoder.encode(values, GgufType.BF16, null)))
        .isEqualTo("803f00c1");
  }

  @Test
  void weightsThatDoNotFitAreRefused() {
    assertThat(Refusal.of(() -> PieceEncoder.encode(floats(1f, 70_000f), GgufType.F16, null)))
        .contains("tensor x", "70000.0 is too large for F16");
    for (GgufType type : List.of(GgufType.F32, GgufType.F16, GgufType.BF16)) {
      assertThat(Refusal.of(() -> PieceEncoder.encode(floats(1f, Float.NaN), type, null)))
          .contains("tensor x: element 1 is NaN");
    }
  }

  @Test
  void piecesThatAreNotTheTensorAreAMistake() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new GgufTensor("a", Shape.of(3, 3), List.of()))
        .withMessage("tensor a: 0 elements in pieces, [3, 3]");
  }

  private static TensorData floats(float... values) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    for (int i = 0; i < values.length; i++) {
      bytes.set(
          ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN),
          (long) i * Float.BYTES,
          values[i]);
    }
    return new TensorData(new TensorInfo("x", DType.F32, Shape.of(1, values.length)), bytes);
  }
}
