package io.moepress.formats.integer;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.Refusal;
import io.moepress.formats.integer.GptqLayout.Version;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A matrix that comes in blocks of rows is stored as one that comes as a whole, byte for byte.
class IntegerBlocksTest {
  private static final int COLUMNS = 64;
  private static final int GROUP = 16;

  static Stream<IntegerScheme> schemes() {
    return IntStream.rangeClosed(1, 8)
        .boxed()
        .flatMap(bits ->
            Stream.of(GROUP, IntegerScheme.CHANNEL)
                .flatMap(group ->
                    Stream.of(
                        new IntegerScheme(bits, false, group),
                        new IntegerScheme(bits, true, group))))
        .filter(scheme -> !scheme.grid().isSign());
  }

  static Stream<IntegerScheme> gptqSchemes() {
    return schemes().filter(scheme -> GptqLayout.WIDTHS.contains(scheme.bits()));
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void ofPackedRows(IntegerScheme scheme) {
    for (BitPacking packing : BitPacking.values()) {
      PackQuantized layout = new PackQuantized(packing);
      TensorInfo weight = weight(1003);
      IntegerMatrix whole = encode(values(weight), 1003, scheme, DType.BF16);

      assertEqual(blockwise(layout, weight, scheme), layout.encode("l.weight", whole, DType.BF16));
    }
  }

  @ParameterizedTest
  @MethodSource("gptqSchemes")
  void ofTheLayoutOfGptq(IntegerScheme scheme) {
    GptqLayout layout = new GptqLayout(Version.of(scheme));
    TensorInfo weight = weight(1056); // whole words, no whole number of blocks
    IntegerMatrix whole = encode(values(weight), 1056, scheme, DType.F16);

    assertEqual(blockwise(layout, weight, scheme), layout.encode("l", whole));
  }

  private static TensorInfo weight(int rows) {
    return new TensorInfo("l.weight", DType.BF16, Shape.of(rows, COLUMNS));
  }

  private static float[] values(TensorInfo weight) {
    SplittableRandom random = new SplittableRandom(8);
    float[] values = new float[(int) weight.shape().elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() + 0.3);
    }
    return values;
  }

  private static IntegerMatrix encode(
      float[] values, int rows, IntegerScheme scheme, DType scaleType) {
    return IntegerMatrix.encode(values, rows, scheme.grid(), scheme.sharing(), scaleType);
  }

  /// Blocks of five times the fewest rows.
  private static Map<String, TensorData> blockwise(
      IntegerLayout layout, TensorInfo weight, IntegerScheme scheme) {
    Map<String, TensorData> tensors = empty(layout, weight, scheme);
    float[] values = values(weight);
    int rows = values.length / COLUMNS;
    int step = 5 * layout.rowsAtOnce(scheme.bits());
    for (int first = 0; first < rows; first += step) {
      int count = Math.min(step, rows - first);
      float[] block = Arrays.copyOfRange(values, first * COLUMNS, (first + count) * COLUMNS);
      IntegerMatrix part = encode(block, count, scheme, layout.scaleType(weight.dtype()));
      layout.put(weight, first, part, tensors);
    }
    return tensors;
  }

  private static Map<String, TensorData> empty(
      IntegerLayout layout, TensorInfo weight, IntegerScheme scheme) {
    Map<String, TensorData> tensors = new TreeMap<>();
    layout
        .layout(weight, scheme)
        .forEach((suffix, info) -> {
          byte[] bytes = new byte[(int) info.byteCount()];
          tensors.put(suffix, new TensorData(info, MemorySegment.ofArray(bytes)));
        });
    return tensors;
  }

  private static void assertEqual(Map<String, TensorData> blocks, Map<String, TensorData> whole) {
    assertThat(blocks).hasSameSizeAs(whole);
    for (TensorData tensor : blocks.values()) {
      TensorData expected = Words32.require(whole, tensor.info().name());
      assertThat(tensor.info()).isEqualTo(expected.info());
      assertThat(tensor.bytes().mismatch(expected.bytes())).as(tensor.info().name()).isEqualTo(-1);
    }
  }

  @Test
  void ofOneTensorAlone() {
    IntegerScheme scheme = new IntegerScheme(4, false, GROUP);
    TensorInfo weight = weight(96);
    for (IntegerLayout layout :
        List.of(new GptqLayout(Version.V2), new PackQuantized(BitPacking.STREAM))) {
      IntegerMatrix matrix = encode(values(weight), 96, scheme, layout.scaleType(weight.dtype()));
      blockwise(layout, weight, scheme)
          .forEach((suffix, expected) -> {
            TensorData tensor = requireNonNull(empty(layout, weight, scheme).get(suffix));
            layout.put(weight, 0, matrix, Map.of(suffix, tensor));
            assertThat(tensor.bytes().mismatch(expected.bytes())).as(suffix).isEqualTo(-1);
          });
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void ofWhatIsKept(IntegerScheme scheme) {
    TensorInfo weight = weight(163);
    IntegerMatrix whole = encode(values(weight), 163, scheme, DType.F32);
    IntegerWords words = new IntegerWords(whole.words(), 163, COLUMNS, scheme);

    assertThat(Arrays.mismatch(words.matrix().decode(), whole.decode())).isEqualTo(-1);
    assertThat(
            Arrays.mismatch(
                words.matrix(96, 67).decode(),
                Arrays.copyOfRange(whole.decode(), 96 * COLUMNS, 163 * COLUMNS)))
        .isEqualTo(-1);
  }

  @Test
  void beginWithAWord() {
    IntegerScheme scheme = new IntegerScheme(3, true, GROUP);
    int[] kept = encode(values(weight(64)), 64, scheme, DType.F32).words();
    IntegerWords words = new IntegerWords(kept, 64, COLUMNS, scheme);

    assertThatThrownBy(() -> words.matrix(8, 8)).hasMessageContaining("rows from 8 on");
    assertThat(Refusal.of(() -> new IntegerWords(kept, 65, COLUMNS, scheme)))
        .contains("words for [65, 64] in W3A16, groups of 16 (expected");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 64, 1408, 2048, 7168, 1 << 20})
  void haveFewWeights(int columns) {
    for (IntegerLayout layout :
        List.of(
            new GptqLayout(Version.V1),
            new PackQuantized(BitPacking.STREAM),
            new PackQuantized(BitPacking.WHOLE))) {
      for (int bits : GptqLayout.WIDTHS) {
        int rows = layout.blockRows(bits, columns);
        int fewest = layout.rowsAtOnce(bits);
        assertThat(rows % fewest).isZero();
        assertThat((long) rows * columns)
            .isPositive()
            .isLessThanOrEqualTo(Math.max(1L << 18, (long) fewest * columns));
      }
    }
  }

  /// The words of a block may be whole where those of the matrix are not.
  @Test
  void ofAMatrixThatFillsNoWords() {
    IntegerScheme scheme = new IntegerScheme(4, true, GROUP);
    IntegerMatrix block = encode(values(weight(32)), 32, scheme, DType.F16);

    assertThat(Refusal.of(() -> new GptqLayout(Version.V1).put(weight(33), 0, block, Map.of())))
        .contains("layer l: 33 outputs and 64 inputs of 4 bits");
  }
}
