package io.moepress.formats.encoding;

import java.util.Arrays;

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
  private static final int BATCH = 64 * SIZE;

  Q8Codec() {
    super(SIZE, 34);
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] inverses = new float[BATCH];
    int[] codes = new int[BATCH];
    for (int first = 0; first < rows.values().length; first += BATCH) {
      int count = Math.min(BATCH, rows.values().length - first);
      scale(rows, first, count, inverses, target);
      round(rows.values(), first, count, inverses, codes);
      for (int i = 0; i < count; i += SIZE) {
        write(codes, i, target, (first + i) / SIZE * bytesPerBlock() + 2);
      }
    }
  }

  private void scale(WeightRows rows, int first, int count, float[] inverses, byte[] target) {
    for (int i = 0; i < count; i += SIZE) {
      float scale = magnitude(rows.values(), first + i) / 127;
      int at = (first + i) / SIZE * bytesPerBlock();
      Bytes.putShort(target, at, rows.half(scale, first + i));
      Arrays.fill(inverses, i, i + SIZE, Rounding.reciprocal(scale));
    }
  }

  /// Long enough a loop to become vector instructions.
  private static void round(float[] values, int first, int count, float[] inverses, int[] codes) {
    for (int i = 0; i < count; i++) {
      codes[i] = Rounding.awayFromZero(values[first + i] * inverses[i]);
    }
  }

  private static void write(int[] codes, int first, byte[] target, int at) {
    for (int i = 0; i < SIZE; i++) {
      target[at + i] = (byte) codes[first + i];
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
