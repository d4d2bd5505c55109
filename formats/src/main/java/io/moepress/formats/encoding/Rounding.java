package io.moepress.formats.encoding;

/// The two ways of rounding that ggml uses, and its reciprocal.
final class Rounding {
  /// 1.5 · 2²³: a float of this size has no bits left for a fraction.
  private static final float SHIFT = 12_582_912f;

  /// Blocks whose largest magnitude is below this count as zero.
  static final float SMALLEST = 1e-15f;

  private Rounding() {}

  /// To the nearest, ties to even, for magnitudes below 2²².
  static float nearest(float value) {
    return value + SHIFT - SHIFT;
  }

  /// To the nearest, ties to even, and into a range.
  static int nearest(float value, int lowest, int highest) {
    return Math.clamp((int) nearest(value), lowest, highest);
  }

  /// To the nearest, ties away from zero. (Adding a half before cutting would round 0.49999997 up.)
  static int awayFromZero(float value) {
    int whole = (int) value;
    return whole + (int) (2 * (value - whole));
  }

  /// `1 / value`, or 0 where that is no number.
  static float reciprocal(float value) {
    float reciprocal = 1 / value;
    return Math.abs(reciprocal) <= Float.MAX_VALUE ? reciprocal : 0;
  }

  /// The value of largest magnitude, with its sign; the first one on ties.
  static float largest(float[] values, int first, int count) {
    float largest = 0;
    float magnitude = 0;
    for (int i = first; i < first + count; i++) {
      if (Math.abs(values[i]) > magnitude) {
        magnitude = Math.abs(values[i]);
        largest = values[i];
      }
    }
    return largest;
  }
}
