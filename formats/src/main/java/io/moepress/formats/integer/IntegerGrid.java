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

  /// Scale and zero point for values.
  ///
  /// @param values finite
  /// @param scaleType what the scale is stored as: F32, F16 or BF16
  /// @throws io.moepress.formats.FormatException when a value is not finite
  public Step step(float[] values, DType scaleType) {
    float smallest = 0;
    float largest = 0;
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) { // no varargs in a loop over all weights
        throw FormatException.of("value %d is %s (expected finite weights)", i, values[i]);
      }
      smallest = Math.min(smallest, values[i]);
      largest = Math.max(largest, values[i]);
      sum += Math.abs(values[i]);
    }
    if (isSign()) {
      return new Step(rounded((float) (2 * sum / Math.max(1, values.length)), scaleType), 0);
    }
    return step(smallest, largest, scaleType);
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
