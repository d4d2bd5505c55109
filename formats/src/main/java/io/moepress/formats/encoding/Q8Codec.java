package io.moepress.formats.encoding;

/// Q8_0: 32 weights in 34 bytes.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | `d`, half precision |
/// | 2–33 | `q`, 32 signed bytes |
///
/// `x = d · q`. Encoding: `d = largest magnitude / 127`, `q` nearest to `x · (1 / d)` with the `d`
/// that is not yet rounded to half precision, ties away from zero. Importance makes no difference.
final class Q8Codec extends BlockCodec {
  private static final int SIZE = 32;

  Q8Codec() {
    super(SIZE, 34);
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] values = rows.values();
    for (int first = 0, at = 0; first < values.length; first += SIZE, at += bytesPerBlock()) {
      float scale = magnitude(values, first) / 127;
      Bytes.putShort(target, at, rows.half(scale, first));
      float inverse = Rounding.reciprocal(scale);
      for (int i = 0; i < SIZE; i++) {
        target[at + 2 + i] = (byte) Rounding.awayFromZero(values[first + i] * inverse);
      }
    }
  }

  /// Of non-negative floats the larger one has the larger bits.
  private static float magnitude(float[] values, int first) {
    int even = 0;
    int odd = 0;
    for (int i = first; i < first + SIZE; i += 2) {
      even = Math.max(even, Float.floatToRawIntBits(values[i]) & Integer.MAX_VALUE);
      odd = Math.max(odd, Float.floatToRawIntBits(values[i + 1]) & Integer.MAX_VALUE);
    }
    return Float.intBitsToFloat(Math.max(even, odd));
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float scale = Bytes.getHalf(source, at);
    for (int i = 0; i < SIZE; i++) {
      values[first + i] = scale * source[at + 2 + i];
    }
  }
}
