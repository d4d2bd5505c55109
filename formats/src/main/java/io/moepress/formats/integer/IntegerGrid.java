package io.moepress.formats.integer;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;

/// Evenly spaced values, each of which has an integer code of `b` bits.
///
/// ```
/// code q in [-2^(b-1), 2^(b-1) - 1]
/// value = (q - zero point) · scale
/// q     = clamp(round(x / scale) + zero point)          ties to even
/// ```
///
/// Scale and zero point of some values, of the greatest magnitude `m`, the smallest value `lo ≤ 0`
/// and the largest `hi ≥ 0`:
///
/// | grid       | scale                     | zero point                                    |
/// |------------|---------------------------|-----------------------------------------------|
/// | symmetric  | `m / ((2^b - 1) / 2)`     | 0                                             |
/// | asymmetric | `(hi - lo) / (2^b - 1)`   | `clamp(round(-2^(b-1) - lo / scale))`         |
///
/// The scale is rounded to the type it is stored in before anything is calculated with it, and it
/// is never 0. A symmetric grid of 1 bit has the values `± scale / 2`, with `scale / 2` the mean
/// magnitude, which is nearest to the values in the mean square; no stored layout knows it.
///
/// Source of the formulas: `calculate_qparams` of compressed-tensors.
///
/// @param bits of a code, 1 to 8
/// @param isSymmetric whether the grid is centred at 0
public record IntegerGrid(int bits, boolean isSymmetric) {
  private static final int MOST_BITS = 8;

  /// Added to a small number and taken away again it leaves the nearest whole one, ties to even:
  /// float32 numbers of its size are whole.
  private static final float WHOLE = 0x1.8p23f;

  /// The bits of infinity; those of numbers are less, those of what is no number are more.
  private static final int INFINITY = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

  /// The smallest number above 0 that an F16 can hold.
  private static final float SMALLEST_F16 = 0x1p-24f;

  public IntegerGrid {
    Checks.require(
        bits >= 1 && bits <= MOST_BITS, "an integer grid of %d bits (expected 1 to 8)", bits);
  }

  /// Where the values of a grid lie.
  ///
  /// @param scale distance between neighbours, positive
  /// @param zeroPoint code of 0
  public record Step(float scale, int zeroPoint) {}

  /// The smallest code.
  public int lowest() {
    return -(1 << (bits - 1));
  }

  /// The largest code.
  public int highest() {
    return (1 << (bits - 1)) - 1;
  }

  /// Whether the values are `± scale / 2`.
  public boolean isSign() {
    return bits == 1 && isSymmetric;
  }

  /// The value of a code.
  public float value(int code, Step step) {
    return isSign() ? (code + 0.5f) * step.scale() : (code - step.zeroPoint()) * step.scale();
  }

  /// The code whose value is nearest.
  public int code(float value, Step step) {
    if (isSign()) {
      return value < 0 ? -1 : 0;
    }
    double code = Math.rint(value / step.scale()) + step.zeroPoint();
    return (int) Math.clamp(code, lowest(), highest());
  }

  /// The codes whose values are nearest to some values; see [#code].
  ///
  /// @param values finite
  /// @param first index of the first of them
  /// @param end behind the last
  /// @param codes gets theirs, at the same indices
  public void codes(float[] values, int first, int end, Step step, byte[] codes) {
    if (isSign()) {
      for (int i = first; i < end; i++) {
        codes[i] = (byte) (values[i] < 0 ? -1 : 0);
      }
      return;
    }
    float scale = step.scale();
    int zero = step.zeroPoint();
    float lowest = (float) lowest() - zero;
    float highest = (float) highest() - zero;
    for (int i = first; i < end; i++) {
      float bounded = Math.max(lowest, Math.min(highest, values[i] / scale));
      codes[i] = (byte) ((int) (bounded + WHOLE - WHOLE) + zero);
    }
  }

  /// Scale and zero point for values.
  ///
  /// @param values finite
  /// @param scaleType what the scale is stored as: F32, F16 or BF16
  /// @throws io.moepress.formats.FormatException when a value is not finite
  public Step step(float[] values, DType scaleType) {
    return step(values, 0, values.length, scaleType);
  }

  /// Scale and zero point for some of a list of values.
  ///
  /// @param values finite
  /// @param first index of the first of them
  /// @param end behind the last
  /// @param scaleType what the scale is stored as: F32, F16 or BF16
  /// @throws io.moepress.formats.FormatException when a value is not finite
  public Step step(float[] values, int first, int end, DType scaleType) {
    int smallest = 0;
    int largest = 0;
    for (int i = first; i < end; i++) { // integers in the same order: the loop has no branches
      int key = inOrder(Float.floatToRawIntBits(values[i]));
      smallest = Math.min(smallest, key);
      largest = Math.max(largest, key);
    }
    if (largest >= INFINITY || smallest <= inOrder(INFINITY | Integer.MIN_VALUE)) {
      throw notFinite(values, first);
    }
    return isSign()
        ? new Step(rounded(2 * meanMagnitude(values, first, end), scaleType), 0)
        : step(Float.intBitsToFloat(inOrder(smallest)), Float.intBitsToFloat(largest), scaleType);
  }

  /// The bits of a number as an integer that is as large among integers as the number is among
  /// numbers, and the reverse.
  private static int inOrder(int bits) {
    return bits ^ (bits >> (Integer.SIZE - 1) & Integer.MAX_VALUE);
  }

  private static FormatException notFinite(float[] values, int first) {
    int place = first;
    while (Float.isFinite(values[place])) {
      place++;
    }
    return FormatException.of(
        "value %d is %s (expected finite weights)", place - first, values[place]);
  }

  private static float meanMagnitude(float[] values, int first, int end) {
    double sum = 0;
    for (int i = first; i < end; i++) {
      sum += Math.abs(values[i]);
    }
    return (float) (sum / Math.max(1, end - first));
  }

  /// Scale and zero point for values that lie between two.
  ///
  /// @param smallest at most 0
  /// @param largest at least 0
  /// @param scaleType what the scale is stored as: F32, F16 or BF16
  public Step step(float smallest, float largest, DType scaleType) {
    int steps = (1 << bits) - 1;
    if (isSymmetric) {
      return new Step(rounded(Math.max(-smallest, largest) / (steps / 2f), scaleType), 0);
    }
    float scale = rounded((float) (((double) largest - smallest) / steps), scaleType);
    double zero = Math.rint(lowest() - smallest / scale);
    return new Step(scale, (int) Math.clamp(zero, lowest(), highest()));
  }

  private static float rounded(float scale, DType type) {
    return switch (type) {
      case F32 -> Math.max(scale, Float.MIN_NORMAL);
      case BF16 -> Numbers.bfloat16(Math.max(scale, Float.MIN_NORMAL));
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(Math.max(scale, SMALLEST_F16)));
      default -> throw FormatException.of("scales stored as %s (expected F32, F16 or BF16)", type);
    };
  }
}
