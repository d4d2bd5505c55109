package io.moepress.formats.encoding;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.Checks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class BlockEncodingTest {
  private static final int WIDTH = 768;

  @ParameterizedTest
  @CsvSource({
    "F32, 0, 1, 4, 32", "F16, 1, 1, 2, 16", "BF16, 30, 1, 2, 16",
    "Q8_0, 8, 32, 34, 8.5", "Q4_0, 2, 32, 18, 4.5", "Q4_1, 3, 32, 20, 5",
    "Q5_0, 6, 32, 22, 5.5", "Q5_1, 7, 32, 24, 6", "Q2_K, 10, 256, 84, 2.625",
    "Q3_K, 11, 256, 110, 3.4375", "Q4_K, 12, 256, 144, 4.5", "Q5_K, 13, 256, 176, 5.5",
    "Q6_K, 14, 256, 210, 6.5625", "IQ4_NL, 20, 32, 18, 4.5", "IQ4_XS, 23, 256, 136, 4.25",
    "TQ1_0, 34, 256, 54, 1.6875", "TQ2_0, 35, 256, 66, 2.0625", "MXFP4, 39, 32, 17, 4.25",
  })
  void sizesAndNumbersAreThoseOfGguf(
      BlockEncoding encoding, int type, int blockSize, int bytesPerBlock, double bits) {
    assertThat(encoding.type()).isEqualTo(type);
    assertThat(encoding.blockSize()).isEqualTo(blockSize);
    assertThat(encoding.bytesPerBlock()).isEqualTo(bytesPerBlock);
    assertThat(encoding.bitsPerWeight()).isEqualTo(bits);
    assertThat(BlockEncoding.ofType(type)).contains(encoding);
    assertThat(BlockEncoding.named(encoding.name())).contains(encoding);
    assertThat(encoding.byteCount(5L * blockSize)).isEqualTo(5L * bytesPerBlock);
  }

  @Test
  void numbersAndNamesNobodyHasAreNotFound() {
    assertThat(BlockEncoding.ofType(4)).isEmpty();
    assertThat(BlockEncoding.named("q4_k")).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void aTensorInPiecesHasTheBytesOfTheWhole(BlockEncoding encoding) {
    float[] values = values(1, 50 * WIDTH);
    float[] importance = importance(2);
    for (float[] columns : Arrays.asList(null, importance)) {
      byte[] whole = bytes(encoding, new WeightRows("t", 0, WIDTH, values, columns));
      int bytesPerRow = whole.length / 50;
      for (int row = 0; row < 50; row += 7) {
        int end = Math.min(50, row + 7);
        float[] piece = Arrays.copyOfRange(values, row * WIDTH, end * WIDTH);
        assertThat(bytes(encoding, new WeightRows("t", row, WIDTH, piece, columns)))
            .isEqualTo(Arrays.copyOfRange(whole, row * bytesPerRow, end * bytesPerRow));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theWeightsAreNotTouched(BlockEncoding encoding) {
    float[] values = values(1, WIDTH);
    float[] importance = importance(2);
    encoding.encode(WeightRows.of("t", 0, WIDTH, values).withImportance(importance));
    assertThat(values).isEqualTo(values(1, WIDTH));
    assertThat(importance).isEqualTo(importance(2));
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void aWidthOfBrokenBlocksIsRefused(BlockEncoding encoding) {
    int width = encoding.blockSize() + 16;
    String message = refusal(() -> encoding.encode(rows(width, new float[width])));
    assertThat(message)
        .startsWith(
            Checks.text(
                "blk.0.ffn_up.weight: rows of %d weights, but %s has blocks of %d. Of the"
                    + " encodings,",
                width, encoding, encoding.blockSize()))
        .contains("these fit: F32, F16, BF16");
  }

  @Test
  void aRefusedWidthComesWithTheEncodingsThatFit() {
    assertThat(refusal(() -> BlockEncoding.Q4_K.encode(rows(1408, new float[1408]))))
        .endsWith("these fit: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, MXFP4.");
  }

  @ParameterizedTest
  @EnumSource
  void aWeightThatIsNoNumberIsRefusedWithItsPlace(BlockEncoding encoding) {
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] values = values(1, 3 * WIDTH);
      values[WIDTH + 300] = value;
      assertThat(refusal(() -> encoding.encode(rows(WIDTH, values))))
          .startsWith("blk.0.ffn_up.weight: row 11, column 300: " + value + " (expected finite");
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"F32", "BF16", "MXFP4"})
  void aWeightTooLargeForAHalfPrecisionScaleIsRefusedWithItsPlace(BlockEncoding encoding) {
    for (float value : new float[] {4e8f, -4e8f, 1e30f, Float.MAX_VALUE}) {
      float[] values = values(1, 3 * WIDTH);
      values[WIDTH + 256] = value;
      assertThat(refusal(() -> encoding.encode(rows(WIDTH, values))))
          .startsWith("blk.0.ffn_up.weight: row 11, column 256: ")
          .contains("Keep this tensor as F32")
          .contains("MXFP4");
    }
  }

  @Test
  void aWeightThatBrainFloatWouldRoundToInfinityIsRefused() {
    assertThat(refusal(() -> BlockEncoding.BF16.encode(rows(1, new float[] {Float.MAX_VALUE}))))
        .contains("too large for BF16");
    assertThat(refusal(() -> BlockEncoding.F16.encode(rows(1, new float[] {65520}))))
        .contains("too large for F16");
    assertThat(BlockEncoding.F16.decode(BlockEncoding.F16.encode(rows(1, new float[] {65519}))))
        .containsExactly(65504);
  }

  @ParameterizedTest
  @EnumSource
  void zerosStayZeros(BlockEncoding encoding) {
    float[] ones = importance(0);
    Arrays.fill(ones, 1);
    WeightRows rows = rows(WIDTH, new float[2 * WIDTH]);
    for (WeightRows zeros : new WeightRows[] {rows, rows.withImportance(ones)}) {
      for (float value : encoding.decode(encoding.encode(zeros))) {
        assertThat(value).isZero();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"F32", "F16", "BF16", "MXFP4"})
  void weightsTooSmallForAHalfPrecisionScaleBecomeZeros(BlockEncoding encoding) {
    for (float size : new float[] {1e-12f, 1e-20f, 1e-40f, Float.MIN_VALUE}) {
      float[] values = values(3, WIDTH);
      for (int i = 0; i < WIDTH; i++) {
        values[i] = Math.signum(values[i]) * size;
      }
      float[] decoded = encoding.decode(encoding.encode(rows(WIDTH, values)));
      for (float value : decoded) {
        assertThat(value).isZero();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void columnsWithoutAnyImportanceKeepTheirWeights(BlockEncoding encoding) {
    WeightRows rows = rows(WIDTH, values(4, WIDTH)).withImportance(new float[WIDTH]);
    float[] decoded = encoding.decode(encoding.encode(rows));
    double error = 0;
    double energy = 0;
    for (int i = 0; i < WIDTH; i++) {
      error += Math.pow(decoded[i] - rows.values()[i], 2);
      energy += Math.pow(rows.values()[i], 2);
    }
    assertThat(error).as("zeros would lose %s", energy).isLessThan(energy);
  }

  @Test
  void importanceMustFitTheRows() {
    WeightRows rows = rows(WIDTH, values(1, WIDTH));
    assertThat(refusal(() -> rows.withImportance(new float[WIDTH - 1])))
        .isEqualTo(
            "blk.0.ffn_up.weight: importance of 767 columns, but rows have 768 weights."
                + " Measure it on this model.");
    float[] negative = importance(1);
    negative[5] = -1;
    assertThat(refusal(() -> rows.withImportance(negative)))
        .contains("importance of column 5 is -1.0 (expected finite and not negative)");
    negative[5] = Float.NaN;
    assertThat(refusal(() -> rows.withImportance(negative))).contains("column 5 is NaN");
    negative[5] = Float.POSITIVE_INFINITY;
    assertThat(refusal(() -> rows.withImportance(negative))).contains("column 5 is Infinity");
  }

  @Test
  void rowsMustBeWhole() {
    assertThat(refusal(() -> rows(WIDTH, new float[WIDTH + 1])))
        .isEqualTo("blk.0.ffn_up.weight: 769 weights are not whole rows of 768");
    assertThat(refusal(() -> rows(0, new float[0]))).contains("rows of 0 weights");
  }

  @ParameterizedTest
  @EnumSource
  void partsOfBlocksAreNotDecoded(BlockEncoding encoding) {
    int bytes = 3 * encoding.bytesPerBlock() - 1;
    assertThat(refusal(() -> encoding.decode(MemorySegment.ofArray(new byte[bytes]))))
        .startsWith(bytes + " bytes are not whole blocks of " + encoding);
  }

  @Test
  void partsOfBlocksHaveNoSize() {
    assertThat(refusal(() -> BlockEncoding.Q6_K.byteCount(255)))
        .isEqualTo("255 weights are not whole blocks of Q6_K, 256 each");
  }

  /// More blocks than are decoded at a time, from memory outside the heap.
  @ParameterizedTest
  @EnumSource
  void manyBlocksAreDecodedAsEachByItself(BlockEncoding encoding) {
    byte[] block = bytes(encoding, rows(encoding.blockSize(), values(5, encoding.blockSize())));
    float[] one = encoding.decode(MemorySegment.ofArray(block));
    try (Arena arena = Arena.ofConfined()) {
      int count = 2500;
      MemorySegment many = arena.allocate((long) count * block.length);
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(block, 0, many, JAVA_BYTE, (long) i * block.length, block.length);
      }
      float[] decoded = encoding.decode(many);
      assertThat(decoded).hasSize(count * one.length);
      for (int i = 0; i < decoded.length; i++) {
        if (decoded[i] != one[i % one.length]) {
          assertThat(decoded[i]).as("weight %d", i).isEqualTo(one[i % one.length]);
        }
      }
    }
  }

  /// Multiplying by a power of two changes no rounding as long as half precision has room, so that
  /// it may be done before or after.
  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "MXFP4") // its logarithm rounds by magnitude
  void encodingAndMultiplyingByAPowerOfTwoCommute(BlockEncoding encoding) {
    float[] values = values(6, 4 * WIDTH);
    float[] four = values.clone();
    for (int i = 0; i < four.length; i++) {
      four[i] *= 4;
    }
    float[] expected = encoding.decode(encoding.encode(rows(WIDTH, values)));
    for (int i = 0; i < expected.length; i++) {
      expected[i] *= 4;
    }
    assertThat(encoding.decode(encoding.encode(rows(WIDTH, four)))).containsExactly(expected);
  }

  private static WeightRows rows(int width, float[] values) {
    return WeightRows.of("blk.0.ffn_up.weight", 10, width, values);
  }

  private static byte[] bytes(BlockEncoding encoding, WeightRows rows) {
    return encoding.encode(rows).toArray(JAVA_BYTE);
  }

  private static String refusal(ThrowingCallable call) {
    return String.valueOf(
        assertThatIllegalArgumentException().isThrownBy(call).actual().getMessage());
  }

  private static float[] values(long seed, int count) {
    var random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static float[] importance(long seed) {
    float[] importance = values(seed, WIDTH);
    for (int i = 0; i < WIDTH; i++) {
      importance[i] *= importance[i];
    }
    return importance;
  }
}
