package io.moepress.formats.encoding;

/// Finds a scale for 32 weights on an uneven grid: `x ≈ scale · TABLE[code]`.
///
/// The lowest entry first falls on the weight of largest magnitude, whatever its sign, and gives a
/// least-squares scale; then the inverse scales `(t − 127) / largest`, `t = −7 … 7`, are tried and
/// taken if `(Σwxv)² / Σwv²` is larger. This is what ggml does for IQ4_NL and IQ4_XS.
final class TableSearch {
  static final int LENGTH = 32;

  private static final int[] TABLE = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };
  private static final int TRIES = 7;

  /// Code by `⌊2x⌋ + 512`: the borders between codes are halfway between entries, which is a
  /// multiple of a half. A weight on a border gets the upper code. No try goes beyond `⌊2x⌋ =
  /// ±268`.
  private static final byte[] NEAREST = new byte[1024];

  private static final int ZERO = NEAREST.length / 2;
  private static final float[] NEAREST_VALUE = new float[NEAREST.length];

  static {
    for (int i = 0; i < NEAREST.length; i++) {
      int code = 0;
      while (code < 15 && i - ZERO >= TABLE[code] + TABLE[code + 1]) {
        code++;
      }
      NEAREST[i] = (byte) code;
      NEAREST_VALUE[i] = TABLE[code];
    }
  }

  private final float[] weights = new float[LENGTH];
  private float sumProducts;
  private float sumSquares;

  /// Entry of a code.
  static int value(int code) {
    return TABLE[code];
  }

  /// Code whose entry is nearest.
  static int code(float value) {
    return NEAREST[Math.clamp(slot(value), 0, NEAREST.length - 1)];
  }

  /// In double precision the sum is exact wherever there is a border near, so that cutting rounds
  /// down.
  private static int slot(float value) {
    return (int) (2.0 * value + ZERO);
  }

  /// How much an error in each weight counts; to be filled before [#scale].
  float[] weights() {
    return weights;
  }

  /// Returns the scale for the weights from `first` on.
  float scale(float[] values, int first) {
    float largest = Rounding.largest(values, first, LENGTH);
    if (Math.abs(largest) < Rounding.SMALLEST) {
      return 0;
    }
    correlate(values, first, 1 / (-largest / TABLE[0]));
    float scale = sumSquares > 0 ? sumProducts / sumSquares : 0;
    float best = scale * sumProducts;
    for (int t = -TRIES; t <= TRIES; t++) {
      correlate(values, first, (t + TABLE[0]) / largest);
      if (sumSquares > 0 && sumProducts * sumProducts > best * sumSquares) {
        scale = sumProducts / sumSquares;
        best = scale * sumProducts;
      }
    }
    return scale;
  }

  private void correlate(float[] values, int first, float inverse) {
    float products = 0;
    float squares = 0;
    for (int i = 0; i < LENGTH; i++) {
      float x = values[first + i];
      float value = NEAREST_VALUE[slot(inverse * x)];
      products += weights[i] * value * x;
      squares += weights[i] * value * value;
    }
    sumProducts = products;
    sumSquares = squares;
  }
}
