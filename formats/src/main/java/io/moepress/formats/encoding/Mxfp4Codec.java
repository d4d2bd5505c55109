package io.moepress.formats.encoding;

/// MXFP4: 32 weights in 17 bytes.
///
/// | bytes | field |
/// |---|---|
/// | 0 | `e`, exponent |
/// | 1–16 | `q`, four bits: byte `i` holds code `i` low and code `i + 16` high |
///
/// `x = V[q] · 2^(e − 128)`, where `V` is 0, 1, 2, 3, 4, 6, 8, 12 and from code 8 on the same
/// negative: twice the numbers that a sign, two exponent bits and one fraction bit make. Encoding:
/// `e = ⌊log₂ largest magnitude⌋ + 125` (0 at least, and for a block of zeros), then the nearest;
/// of two equally near the one closer to zero. Importance makes no difference. The logarithm is
/// taken in float32, which rounds up for the last weights below a power of two.
final class Mxfp4Codec extends BlockCodec {
  private static final int SIZE = 32;
  private static final int[] VALUES = {0, 1, 2, 3, 4, 6, 8, 12};
  private static final double LOG_OF_2 = Math.log(2);

  /// Code of a magnitude by `⌈2 |x|⌉`: all borders are multiples of a half, and belong to the lower
  /// code.
  private static final byte[] NEAREST = new byte[40];

  static {
    for (int twice = 0; twice < NEAREST.length; twice++) {
      int code = 0;
      while (code < 7 && twice > VALUES[code] + VALUES[code + 1]) {
        code++;
      }
      NEAREST[twice] = (byte) code;
    }
  }

  Mxfp4Codec() {
    super(SIZE, 17);
  }

  @Override
  float limit() {
    return Float.POSITIVE_INFINITY;
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] values = rows.values();
    int[] codes = new int[SIZE];
    for (int first = 0, at = 0; first < values.length; first += SIZE, at += bytesPerBlock()) {
      int exponent = exponent(Math.abs(Rounding.largest(values, first, SIZE)));
      double inverse = Math.scalb(1.0, 128 - exponent);
      for (int i = 0; i < SIZE; i++) {
        codes[i] = code(values[first + i], inverse);
      }
      target[at] = (byte) exponent;
      Bytes.putNibbles(codes, 0, target, at + 1);
    }
  }

  private static int exponent(float magnitude) {
    float logarithm = (float) (Math.log(magnitude) / LOG_OF_2);
    return magnitude == 0 ? 0 : Math.max(0, (int) Math.floor(logarithm) + 125);
  }

  /// Without a branch on the sign, which nothing predicts. There is no negative zero.
  private static int code(float value, double inverse) {
    int code = NEAREST[(int) Math.ceil(2 * Math.abs(value * inverse))];
    int sign = Float.floatToRawIntBits(value) >>> 28 & 8;
    int notZero = code + 7 & 8;
    return code | (sign & notZero);
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float scale = Math.scalb(1f, (source[at] & 255) - 128);
    int[] codes = new int[SIZE];
    Bytes.getNibbles(source, at + 1, codes, 0);
    for (int i = 0; i < SIZE; i++) {
      int magnitude = VALUES[codes[i] & 7];
      values[first + i] = scale * (codes[i] < 8 ? magnitude : -magnitude);
    }
  }
}
