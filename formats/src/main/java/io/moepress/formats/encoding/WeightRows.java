package io.moepress.formats.encoding;

import io.moepress.formats.Checks;
import org.jspecify.annotations.Nullable;

/// Whole rows of a weight matrix, to be encoded: all of them or a piece.
///
/// @param name of the tensor, for messages
/// @param firstRow index of the first row within the tensor, for messages
/// @param width weights in a row
/// @param values `[rows, width]`, row-major; not copied, never modified
/// @param importance how much an error in a column counts, `[width]`: the mean square of the inputs
///   that meet it. Not copied. Null: all columns alike, in the way each encoding takes that
public record WeightRows(
    String name, long firstRow, int width, float[] values, float @Nullable [] importance) {

  public WeightRows {
    Checks.require(width > 0, "%s: rows of %d weights (expected 1 or more)", name, width);
    Checks.require(
        values.length % width == 0,
        "%s: %d weights are not whole rows of %d",
        name,
        values.length,
        width);
    if (importance != null) {
      checkImportance(name, width, importance);
    }
  }

  private static void checkImportance(String name, int width, float[] importance) {
    Checks.require(
        importance.length == width,
        "%s: importance of %d columns, but rows have %d weights. Measure it on this model.",
        name,
        importance.length,
        width);
    for (int column = 0; column < width; column++) {
      Checks.require(
          importance[column] >= 0 && importance[column] <= Float.MAX_VALUE,
          "%s: importance of column %d is %s (expected finite and not negative). Measure it again.",
          name,
          column,
          importance[column]);
    }
  }

  /// Rows without importance.
  public static WeightRows of(String name, long firstRow, int width, float[] values) {
    return new WeightRows(name, firstRow, width, values, null);
  }

  /// The same rows, with an importance for every column.
  public WeightRows withImportance(float[] columns) {
    return new WeightRows(name, firstRow, width, values, columns);
  }

  /// Where a weight stands, for messages.
  String place(int index) {
    return Checks.text("%s: row %d, column %d", name, firstRow + index / width, index % width);
  }

  /// Index of the first row's first weight whose magnitude is `limit` or more, or is no number.
  int firstBeyond(float limit) {
    for (int i = 0; i < values.length; i++) {
      if (!(Math.abs(values[i]) < limit)) {
        return i;
      }
    }
    throw new IllegalStateException(name + ": no weight of " + limit + " or more");
  }

  /// The largest magnitude; NaN or infinity where there is one.
  float largestMagnitude() {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  /// The half-precision number that a block stores, e.g. its scale.
  ///
  /// @param index of the first weight of the block
  /// @throws IllegalArgumentException when it is too large for one
  short half(float value, int index) {
    short half = Float.floatToFloat16(value);
    if ((half & 0x7C00) == 0x7C00) {
      throw new IllegalArgumentException(
          Checks.text(
              "%s: the block from here needs a scale of %s, but scales are half precision, up to"
                  + " 65504. Keep this tensor as F32 or BF16, or use MXFP4.",
              place(index), value));
    }
    return half;
  }

  /// The weights of the search for a block, from the importance of its columns: an error counts
  /// `importance · √(energy + x²)`. Where no column of the block has any importance, all count
  /// alike.
  ///
  /// @param first index of the block's first weight
  /// @param columns the importance of all columns
  /// @param energy mean square of the surroundings
  /// @param target as many as the block has
  void weigh(int first, float[] columns, float energy, float[] target) {
    int column = first % width;
    float any = 0;
    for (int i = 0; i < target.length; i++) {
      any = Math.max(any, columns[column + i]);
    }
    for (int i = 0; i < target.length; i++) {
      float x = values[first + i];
      float important = any > 0 ? columns[column + i] : 1;
      target[i] = important * (float) Math.sqrt(energy + x * x);
    }
  }

  /// Sum of squares of consecutive weights.
  float energy(int first, int count) {
    float sum = 0;
    for (int i = first; i < first + count; i++) {
      sum += values[i] * values[i];
    }
    return sum;
  }
}
