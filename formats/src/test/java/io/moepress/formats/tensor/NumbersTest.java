package io.moepress.formats.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.Refusal;
import io.moepress.testdata.SafetensorsBytes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NumbersTest {

  /// A number of a format with `exponentBits` and `mantissaBits`, worked out from the definition:
  /// `(-1)^s · 1.m · 2^(e - bias)`, or `(-1)^s · 0.m · 2^(1 - bias)` where `e` is 0, or no finite
  /// number where `e` is all ones.
  record Definition(int exponentBits, int mantissaBits) {

    boolean isFinite(int bits) {
      return exponent(bits) != (1 << exponentBits) - 1;
    }

    float value(int bits) {
      int bias = (1 << (exponentBits - 1)) - 1;
      double fraction = (bits & ((1 << mantissaBits) - 1)) / (double) (1 << mantissaBits);
      double magnitude =
          exponent(bits) == 0
              ? fraction * Math.pow(2, 1 - bias)
              : (1 + fraction) * Math.pow(2, exponent(bits) - bias);
      boolean negative = bits >> (exponentBits + mantissaBits) != 0;
      return (float) (negative ? -magnitude : magnitude);
    }

    private int exponent(int bits) {
      return bits >> mantissaBits & ((1 << exponentBits) - 1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32, -10000, -10000",
    "F16, -10000, -10000",
    "BF16, -10000, -9984",
    "BF16, -10016, -9984", // halfway to -10048; the mantissa of -9984 is even
    "BF16, -10080, -10112", // halfway from -10048, whose mantissa is odd
    "BF16, -10047, -10048",
    "F16, 0.1, 0.0999755859375",
    "BF16, 0.5, 0.5",
  })
  void aNumberIsWrittenAsTheNearestOfTheType(DType dtype, float value, float nearest) {
    byte[] bytes = new byte[3 * dtype.bits() / 8];
    TensorData tensor = tensor(dtype, 3, bytes);

    Numbers.put(tensor.info(), tensor.bytes(), 1, value);

    assertThat(Numbers.floats(tensor)).containsExactly(0, nearest, 0);
  }

  @Test
  void aNumberIsNotWrittenIntoBytesOfAnotherType() {
    TensorData tensor = tensor(DType.I64, 1, new byte[8]);
    assertThat(Refusal.of(() -> Numbers.put(tensor.info(), tensor.bytes(), 0, 1)))
        .endsWith("cannot write a number as I64 (expected F32, F16 or BF16)");
  }

  /// The bits of numbers that are not finite, and of the largest that are.
  @ParameterizedTest
  @CsvSource({
    "F32, 7f800000 ff800000 7fc00000 ff800001, 7f7fffff ff7fffff 80000000",
    "BF16, 7f80 ff80 7fc0 ff81, 7f7f ff7f 8000",
    "F16, 7c00 fc00 7e00 fc01, 7bff fbff 8000",
  })
  void whatIsNotFiniteIsFoundWhereverItStands(DType dtype, String wrong, String right) {
    int width = dtype.bits() / 8;
    for (int length : new int[] {1, 2, 3, 4, 5, 7, 9, 4097}) {
      for (int place : new int[] {0, length / 2, length - 1}) {
        for (String bits : (wrong + " " + right).split(" ", -1)) {
          byte[] bytes = new byte[length * width];
          System.arraycopy(littleEndian(bits), 0, bytes, place * width, width);
          TensorData tensor = tensor(dtype, length, bytes);

          assertThat(Numbers.areFinite(tensor)).as(bits).isEqualTo(right.contains(bits));
          if (right.contains(bits)) {
            assertThat(Numbers.floats(tensor)).hasSize(length);
          } else {
            assertThat(Refusal.of(() -> Numbers.floats(tensor))).contains("element " + place + " ");
          }
        }
      }
    }
  }

  private static byte[] littleEndian(String bits) {
    byte[] bytes = HexFormat.of().parseHex(bits);
    for (int i = 0; i < bytes.length / 2; i++) {
      byte other = bytes[bytes.length - 1 - i];
      bytes[bytes.length - 1 - i] = bytes[i];
      bytes[i] = other;
    }
    return bytes;
  }

  @ParameterizedTest
  @CsvSource({"F16, 5, 10, 63488", "BF16, 8, 7, 65280"})
  void everyHalfPrecisionNumberIsWidenedExactly(
      DType dtype, int exponentBits, int mantissaBits, int finiteValues) {
    Definition definition = new Definition(exponentBits, mantissaBits);
    int finite = 0;
    for (int bits = 0; bits < 1 << 16; bits++) {
      if (!definition.isFinite(bits)) {
        continue;
      }
      finite++;
      float value = Numbers.floats(tensor(dtype, 1, (byte) bits, (byte) (bits >> 8)))[0];
      assertThat(Float.floatToRawIntBits(value))
          .as("%s with bits %x", dtype, bits)
          .isEqualTo(Float.floatToRawIntBits(definition.value(bits)));
    }
    assertThat(finite).isEqualTo(finiteValues);
  }

  @ParameterizedTest
  @CsvSource({"F16, 5, 10, 2048", "BF16, 8, 7, 256"})
  void everyHalfPrecisionNonNumberIsRefused(
      DType dtype, int exponentBits, int mantissaBits, int nonFiniteValues) {
    Definition definition = new Definition(exponentBits, mantissaBits);
    int refused = 0;
    for (int bits = 0; bits < 1 << 16; bits++) {
      if (!definition.isFinite(bits)) {
        TensorData tensor = tensor(dtype, 1, (byte) bits, (byte) (bits >> 8));
        assertThat(Refusal.of(() -> Numbers.floats(tensor))).startsWith("tensor t: element 0 is ");
        refused++;
      }
    }
    assertThat(refused).isEqualTo(nonFiniteValues);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void singlePrecisionKeepsItsBits(long seed) {
    int[] bits =
        new SplittableRandom(seed)
            .ints(10_000)
            .filter(i -> Float.isFinite(Float.intBitsToFloat(i)))
            .toArray();
    ByteBuffer bytes = ByteBuffer.allocate(4 * bits.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(bits);
    float[] values = Numbers.floats(tensor(DType.F32, bits.length, bytes.array()));
    for (int i = 0; i < bits.length; i++) {
      assertThat(Float.floatToRawIntBits(values[i])).isEqualTo(bits[i]);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 0000807f, Infinity",
    "F32, 000080ff, -Infinity",
    "F32, 0000c07f, NaN",
    "F32, 0100807f, NaN", // a signalling one
    "F16, 007c, Infinity",
    "F16, 00fc, -Infinity",
    "F16, 017e, NaN",
    "BF16, 807f, Infinity",
    "BF16, 80ff, -Infinity",
    "BF16, c0ff, NaN",
  })
  void whatIsNotFiniteIsRefusedByTensorAndElement(DType dtype, String hexadecimal, String shown) {
    byte[] value = HexFormat.of().parseHex(hexadecimal);
    byte[] bytes = new byte[5 * value.length];
    System.arraycopy(value, 0, bytes, 3 * value.length, value.length);
    System.arraycopy(value, 0, bytes, 4 * value.length, value.length);
    assertThat(Refusal.of(() -> Numbers.floats(tensor(dtype, 5, bytes))))
        .isEqualTo(
            "tensor t: element 3 is "
                + shown
                + " (expected finite weights). The checkpoint is damaged or diverged in training;"
                + " get a sound copy.");
  }

  @Test
  void largestFiniteNumbersAreFine() {
    assertThat(Numbers.floats(tensor(DType.F16, 1, SafetensorsBytes.f16(-65504))))
        .containsExactly(-65504);
    assertThat(Numbers.floats(tensor(DType.F32, 1, SafetensorsBytes.f32(Float.MAX_VALUE))))
        .containsExactly(Float.MAX_VALUE);
  }

  @Test
  void dataMayStandAnywhere() {
    byte[] bytes = new byte[13];
    System.arraycopy(SafetensorsBytes.f32(1.25f, -3), 0, bytes, 1, 8);
    System.arraycopy(SafetensorsBytes.bf16(0.5f, 7), 0, bytes, 9, 4);
    MemorySegment odd = MemorySegment.ofArray(bytes);
    assertThat(Numbers.floats(tensor(DType.F32, odd.asSlice(1, 8), 2))).containsExactly(1.25f, -3);
    assertThat(Numbers.floats(tensor(DType.BF16, odd.asSlice(9, 4), 2))).containsExactly(0.5f, 7);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(14).copyFrom(odd);
      assertThat(Numbers.floats(tensor(DType.F32, memory.asSlice(1, 8), 2)))
          .containsExactly(1.25f, -3);
    }
  }

  @Test
  void wideningFillsTheTargetInNativeOrder() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(ValueLayout.JAVA_FLOAT, 3);
      target.setAtIndex(ValueLayout.JAVA_FLOAT, 2, 9);
      Numbers.widen(tensor(DType.F16, 2, SafetensorsBytes.f16(1, -2)), target);
      assertThat(target.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(1, -2, 9);
    }
  }

  @Test
  void emptyTensorHasNoFloats() {
    TensorInfo info = new TensorInfo("t", DType.F32, Shape.of(0, 5));
    assertThat(Numbers.floats(new TensorData(info, MemorySegment.ofArray(new byte[0])))).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void otherTypesAreNoFloats(DType dtype) {
    TensorData tensor = tensor(dtype, 4, new byte[dtype.bits() / 2]);
    assertThat(Refusal.of(() -> Numbers.floats(tensor)))
        .isEqualTo("tensor t: cannot calculate with " + dtype + " (expected F32, F16 or BF16)");
  }

  @Test
  void doublesKeepTheirBits() {
    double[] values = {0, -0.0, 1.1, Double.MIN_VALUE, -Double.MAX_VALUE, Double.NaN};
    MemorySegment bytes = Numbers.bytes(values);
    assertThat(bytes.toArray(ValueLayout.JAVA_BYTE))
        .startsWith(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte) 0x80);
    assertThat(Numbers.doubles(tensor(DType.F64, bytes, values.length))).containsExactly(values);
  }

  @Test
  void onlyF64AreDoubles() {
    TensorData tensor = tensor(DType.I64, 1, new byte[8]);
    assertThat(Refusal.of(() -> Numbers.doubles(tensor)))
        .isEqualTo("tensor t: type I64 (expected F64)");
  }

  @Test
  void dataHasTheLengthOfItsShape() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> tensor(DType.F32, 2, new byte[7]))
        .withMessage("tensor t: 7 bytes, but F32 [2] needs 8");
  }

  private static TensorData tensor(DType dtype, long elements, byte... bytes) {
    return tensor(dtype, MemorySegment.ofArray(bytes), elements);
  }

  private static TensorData tensor(DType dtype, MemorySegment bytes, long elements) {
    return new TensorData(new TensorInfo("t", dtype, Shape.of(elements)), bytes);
  }
}
