package io.moepress.formats.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.formats.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Turns stored floating-point types into `float` and `double`.
///
/// BF16 is the upper half of an F32. Every value is checked: a NaN or an infinity in a weight is an
/// error that names the tensor, never a number to calculate with.
public final class Numbers {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int EXPONENT = 0x7F80_0000;

  private Numbers() {}

  /// Reads F32, F16 or BF16 as floats.
  ///
  /// @throws FormatException for any other type, or a value that is not finite
  public static float[] floats(TensorData tensor) {
    float[] values = new float[Math.toIntExact(tensor.info().shape().elementCount())];
    widen(tensor, MemorySegment.ofArray(values));
    return values;
  }

  /// Widens F32, F16 or BF16 into `target`, native-order floats, one for each element.
  ///
  /// @throws FormatException for any other type, or a value that is not finite
  public static void widen(TensorData tensor, MemorySegment target) {
    long count = tensor.info().shape().elementCount();
    boolean finite =
        switch (tensor.info().dtype()) {
          case F32 -> widenF32(tensor.bytes(), target, count);
          case BF16 -> widenBf16(tensor.bytes(), target, count);
          case F16 -> widenF16(tensor.bytes(), target, count);
          default ->
              throw FormatException.of(
                  "tensor %s: cannot calculate with %s (expected F32, F16 or BF16)",
                  tensor.info().name(), tensor.info().dtype());
        };
    if (!finite) {
      throw notFinite(tensor.info(), target, count);
    }
  }

  /// Whether all values of an F32, F16 or BF16 tensor are finite; other types count as finite.
  public static boolean areFinite(TensorData tensor) {
    int exponent =
        switch (tensor.info().dtype()) {
          case F32, BF16 -> EXPONENT;
          case F16 -> 0x7C00_0000;
          default -> 0;
        };
    if (exponent == 0) {
      return true;
    }
    boolean wide = tensor.info().dtype() == DType.F32;
    int worst = 0;
    for (long i = 0; i < tensor.info().shape().elementCount(); i++) {
      int bits =
          wide
              ? tensor.bytes().get(INT, i * Integer.BYTES)
              : tensor.bytes().get(SHORT, i * Short.BYTES) << Short.SIZE;
      worst = Math.max(worst, bits & exponent);
    }
    return worst != exponent;
  }

  /// Whether no value of an F32, F16 or BF16 tensor is 0; other types count as having none.
  public static boolean haveNoZero(TensorData tensor) {
    return switch (tensor.info().dtype()) {
      case F32 -> haveNoZero(tensor, Integer.BYTES);
      case F16, BF16 -> haveNoZero(tensor, Short.BYTES);
      default -> true;
    };
  }

  private static boolean haveNoZero(TensorData tensor, int width) {
    for (long i = 0; i < tensor.info().shape().elementCount(); i++) {
      int bits =
          width == Integer.BYTES
              ? tensor.bytes().get(INT, i * Integer.BYTES)
              : tensor.bytes().get(SHORT, i * Short.BYTES) << Short.SIZE;
      if (bits << 1 == 0) { // either zero
        return false;
      }
    }
    return true;
  }

  private static boolean widenF32(MemorySegment source, MemorySegment target, long count) {
    int worst = 0;
    for (long i = 0; i < count; i++) {
      int bits = source.get(INT, i * Integer.BYTES);
      worst = Math.max(worst, bits & EXPONENT);
      target.setAtIndex(JAVA_FLOAT, i, Float.intBitsToFloat(bits));
    }
    return worst != EXPONENT;
  }

  private static boolean widenBf16(MemorySegment source, MemorySegment target, long count) {
    int worst = 0;
    for (long i = 0; i < count; i++) {
      int bits = source.get(SHORT, i * Short.BYTES) << Short.SIZE;
      worst = Math.max(worst, bits & EXPONENT);
      target.setAtIndex(JAVA_FLOAT, i, Float.intBitsToFloat(bits));
    }
    return worst != EXPONENT;
  }

  private static boolean widenF16(MemorySegment source, MemorySegment target, long count) {
    int worst = 0;
    for (long i = 0; i < count; i++) {
      float value = Float.float16ToFloat(source.get(SHORT, i * Short.BYTES));
      worst = Math.max(worst, Float.floatToRawIntBits(value) & EXPONENT);
      target.setAtIndex(JAVA_FLOAT, i, value);
    }
    return worst != EXPONENT;
  }

  private static FormatException notFinite(TensorInfo info, MemorySegment values, long count) {
    for (long i = 0; i < count; i++) {
      float value = values.getAtIndex(JAVA_FLOAT, i);
      if (!Float.isFinite(value)) {
        return FormatException.of(
            "tensor %s: element %d is %s (expected finite weights). The checkpoint is damaged or"
                + " diverged in training; get a sound copy.",
            info.name(), i, value);
      }
    }
    throw new IllegalStateException("no non-finite value in " + info.name());
  }

  /// Reads F64 as doubles.
  ///
  /// @throws FormatException for any other type
  public static double[] doubles(TensorData tensor) {
    if (tensor.info().dtype() != DType.F64) {
      throw FormatException.of(
          "tensor %s: type %s (expected F64)", tensor.info().name(), tensor.info().dtype());
    }
    double[] values = new double[Math.toIntExact(tensor.info().shape().elementCount())];
    for (int i = 0; i < values.length; i++) {
      values[i] = Double.longBitsToDouble(tensor.bytes().get(LONG, (long) i * Long.BYTES));
    }
    return values;
  }

  /// Writes one element of an F32, F16 or BF16 tensor, rounded to the nearest, ties to even.
  ///
  /// @param bytes of the whole tensor
  /// @throws FormatException for any other type
  public static void put(TensorInfo info, MemorySegment bytes, long index, float value) {
    switch (info.dtype()) {
      case F32 -> bytes.set(INT, index * Integer.BYTES, Float.floatToRawIntBits(value));
      case BF16 ->
          bytes.set(
              SHORT,
              index * Short.BYTES,
              (short) (Float.floatToRawIntBits(bfloat16(value)) >>> Short.SIZE));
      case F16 -> bytes.set(SHORT, index * Short.BYTES, Float.floatToFloat16(value));
      default ->
          throw FormatException.of(
              "tensor %s: cannot write a number as %s (expected F32, F16 or BF16)",
              info.name(), info.dtype());
    }
  }

  /// The BF16 number next to a finite one, ties to even.
  public static float bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7FFF + (bits >>> Short.SIZE & 1);
    return Float.intBitsToFloat(rounded & 0xFFFF0000);
  }

  /// Writes doubles as the bytes of an F64 tensor.
  public static MemorySegment bytes(double[] values) {
    MemorySegment bytes =
        MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, Long.BYTES)]);
    for (int i = 0; i < values.length; i++) {
      bytes.set(LONG, (long) i * Long.BYTES, Double.doubleToRawLongBits(values[i]));
    }
    return bytes;
  }
}
