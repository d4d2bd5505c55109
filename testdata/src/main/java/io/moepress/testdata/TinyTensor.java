package io.moepress.testdata;

import java.util.Arrays;

/// One tensor of a [TinyMoe].
///
/// @param dtype `F32`, `BF16` or `F16`
/// @param shape outermost first, not copied
/// @param values row-major, not copied
@SuppressWarnings("ArrayRecordComponent") // never compared
public record TinyTensor(String dtype, long[] shape, float[] values) {

  /// @throws IllegalArgumentException when there are more or fewer values than the shape says
  public TinyTensor {
    if (elementCount(shape) != values.length) {
      throw new IllegalArgumentException(
          "shape " + Arrays.toString(shape) + " with " + values.length + " values");
    }
  }

  /// The tensor's bytes in a safetensors file.
  public byte[] bytes() {
    return switch (dtype) {
      case "F32" -> SafetensorsBytes.f32(values);
      case "BF16" -> SafetensorsBytes.bf16(values);
      case "F16" -> SafetensorsBytes.f16(values);
      default -> throw new IllegalArgumentException("dtype " + dtype + " (F32, BF16 or F16)");
    };
  }

  /// The same tensor with the values that its bytes hold, i.e. rounded to its dtype.
  public TinyTensor stored() {
    if (dtype.equals("F32")) {
      return this;
    }
    byte[] bytes = bytes();
    float[] rounded = new float[values.length];
    for (int i = 0; i < rounded.length; i++) {
      short bits = (short) ((bytes[2 * i] & 0xFF) | (bytes[2 * i + 1] << 8));
      rounded[i] =
          dtype.equals("F16") ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
    }
    return new TinyTensor(dtype, shape, rounded);
  }

  /// The same values in another dtype.
  TinyTensor as(String otherDtype) {
    return new TinyTensor(otherDtype, shape, values);
  }

  static int elementCount(long... shape) {
    return Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
  }
}
