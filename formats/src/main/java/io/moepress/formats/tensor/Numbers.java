package io.moepress.formats.tensor;

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
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat NATIVE_FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /// Elements that are widened at a time.
  private static final int CHUNK = 4096;

  private Numbers() {}

  /// Reads F32, F16 or BF16 as floats.
  ///
  /// @throws FormatException for any other type, or a value that is not finite
  public static float[] floats(TensorData tensor) {
    return floats(tensor, 0, Math.toIntExact(tensor.info().shape().elementCount()));
  }

  /// Reads some elements of an F32, F16 or BF16 tensor as floats.
  ///
  /// @param first index of the first
  /// @param count how many
  /// @throws FormatException for any other type, or a value that is not finite
  public static float[] floats(TensorData tensor, long first, int count) {
    float[] values = new float[count];
    Widening widening = widening(tensor);
    for (int done = 0; done < count; done += CHUNK) {
      widening.widen(tensor.bytes(), first + done, Math.min(CHUNK, count - done), values, done);
    }
    requireFinite(tensor, first, count);
    return values;
  }

  /// Widens F32, F16 or BF16 into `target`, native-order floats, one for each element.
  ///
  /// @throws FormatException for any other type, or a value that is not finite
  public static void widen(TensorData tensor, MemorySegment target) {
    long size = tensor.info().shape().elementCount();
    Widening widening = widening(tensor);
    float[] values = new float[(int) Math.min(CHUNK, size)];
    for (long first = 0; first < size; first += CHUNK) {
      int count = (int) Math.min(CHUNK, size - first);
      widening.widen(tensor.bytes(), first, count, values, 0);
      MemorySegment.copy(values, 0, target, NATIVE_FLOAT, first * Float.BYTES, count);
    }
    requireFinite(tensor, 0, size);
  }

  /// Widens some elements. They are copied into an array first: a loop over arrays runs well long
  /// before it is compiled with every optimisation, one over a segment does not.
  @FunctionalInterface
  private interface Widening {
    /// @param first index of the first element
    /// @param count how many, at most [#CHUNK]
    /// @param values gets them
    /// @param at index of the first there
    void widen(MemorySegment source, long first, int count, float[] values, int at);
  }

  private static Widening widening(TensorData tensor) {
    return switch (tensor.info().dtype()) {
      case F32 -> Numbers::widenF32;
      case BF16 -> Numbers::widenBf16;
      case F16 -> Numbers::widenF16;
      default ->
          throw FormatException.of(
              "tensor %s: cannot calculate with %s (expected F32, F16 or BF16)",
              tensor.info().name(), tensor.info().dtype());
    };
  }

  private static void widenF32(
      MemorySegment source, long first, int count, float[] values, int at) {
    MemorySegment.copy(source, FLOAT, first * Float.BYTES, values, at, count);
  }

  private static void widenBf16(
      MemorySegment source, long first, int count, float[] values, int at) {
    short[] stored = new short[count];
    MemorySegment.copy(source, SHORT, first * Short.BYTES, stored, 0, count);
    for (int i = 0; i < count; i++) {
      values[at + i] = Float.intBitsToFloat(stored[i] << Short.SIZE);
    }
  }

  private static void widenF16(
      MemorySegment source, long first, int count, float[] values, int at) {
    short[] stored = new short[count];
    MemorySegment.copy(source, SHORT, first * Short.BYTES, stored, 0, count);
    for (int i = 0; i < count; i++) {
      values[at + i] = Float.float16ToFloat(stored[i]);
    }
  }

  /// Whether all values of an F32, F16 or BF16 tensor are finite; other types count as finite.
  public static boolean areFinite(TensorData tensor) {
    return areFinite(tensor.info().dtype(), tensor.bytes());
  }

  private static boolean areFinite(DType type, MemorySegment bytes) {
    long exponents =
        switch (type) {
          case F32 -> 0x7F80_0000_7F80_0000L;
          case BF16 -> 0x7F80_7F80_7F80_7F80L;
          case F16 -> 0x7C00_7C00_7C00_7C00L;
          default -> 0;
        };
    return exponents == 0 || areFinite(bytes, exponents);
  }

  /// Looks at several numbers at a time: 1, added to the exponent of each, changes its sign where
  /// all bits of the exponent are set.
  private static boolean areFinite(MemorySegment bytes, long exponents) {
    long ones = exponents & ~(exponents << 1);
    long signs = exponents << 1 & ~exponents;
    long seen = 0;
    long words = bytes.byteSize() / Long.BYTES;
    for (long i = 0; i < words; i++) {
      seen |= (bytes.get(LONG, i * Long.BYTES) & exponents) + ones;
    }
    MemorySegment rest = MemorySegment.ofArray(new long[1]); // of zeros, which are finite
    rest.copyFrom(bytes.asSlice(words * Long.BYTES));
    seen |= (rest.get(LONG, 0) & exponents) + ones;
    return (seen & signs) == 0;
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

  /// Looks at some elements; a message has the index that one has in the whole tensor.
  private static void requireFinite(TensorData tensor, long first, long count) {
    DType type = tensor.info().dtype();
    long width = type.bits() / Byte.SIZE;
    if (areFinite(type, tensor.bytes().asSlice(first * width, count * width))) {
      return;
    }
    Widening widening = widening(tensor);
    float[] value = new float[1];
    for (long i = first; i < first + count; i++) {
      widening.widen(tensor.bytes(), i, 1, value, 0);
      if (!Float.isFinite(value[0])) {
        throw FormatException.of(
            "tensor %s: element %d is %s (expected finite weights). The checkpoint is damaged or"
                + " diverged in training; get a sound copy.",
            tensor.info().name(), i, value[0]);
      }
    }
    throw new IllegalStateException("no non-finite value in " + tensor.info().name());
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
