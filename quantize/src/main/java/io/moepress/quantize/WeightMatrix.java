package io.moepress.quantize;

import io.moepress.formats.Checks;

/// Weights of a linear layer.
///
/// @param values finite, `[rows, columns]`, row-major, not copied
/// @param rows outputs
/// @param columns inputs
@SuppressWarnings("ArrayRecordComponent") // never compared
record WeightMatrix(float[] values, int rows, int columns) {

  WeightMatrix {
    Checks.require(
        rows > 0 && values.length == Math.multiplyExact(rows, columns),
        "gptq: %d weights (expected %d rows of %d columns, as the Hessian has)",
        values.length,
        rows,
        columns);
    for (int i = 0; i < values.length; i++) {
      Checks.requireFormat(
          Float.isFinite(values[i]),
          "weight in row %d, column %d: %s (expected finite weights). The checkpoint is damaged or"
              + " diverged in training; get a sound copy.",
          i / columns,
          i % columns,
          values[i]);
    }
  }

  /// Some rows as doubles.
  ///
  /// @param order the column of each position
  double[] rows(int first, int count, int[] order) {
    double[] numbers = new double[count * columns];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = values[(first + i / columns) * columns + order[i % columns]];
    }
    return numbers;
  }
}
