package io.moepress.quantize;

import io.moepress.formats.Checks;
import java.util.BitSet;

/// Second moments of a layer's inputs.
///
/// @param values `[columns, columns]`, symmetric, not copied
/// @param columns inputs of the layer
@SuppressWarnings("ArrayRecordComponent") // never compared
record Hessian(double[] values, int columns) {

  Hessian {
    Checks.require(
        columns > 0 && values.length == Math.multiplyExact(columns, columns),
        "gptq: a Hessian of %d numbers for %d columns (expected columns times columns)",
        values.length,
        columns);
    for (int i = 0; i < values.length; i++) {
      Checks.requireFormat(
          Double.isFinite(values[i]),
          "Hessian: row %d, column %d: %s (expected a finite number). Measure again.",
          i / columns,
          i % columns,
          values[i]);
    }
    for (int column = 0; column < columns; column++) {
      double diagonal = diagonal(values, columns, column);
      Checks.requireFormat(
          diagonal >= 0,
          "Hessian: diagonal of column %d: %s (expected a sum of squares, at least 0). Measure again.",
          column,
          diagonal);
    }
  }

  private static double diagonal(double[] values, int columns, int column) {
    return values[column * columns + column];
  }

  double diagonal(int column) {
    return diagonal(values, columns, column);
  }

  /// The columns that no input reached.
  BitSet dead() {
    BitSet dead = new BitSet(columns);
    for (int column = 0; column < columns; column++) {
      dead.set(column, diagonal(column) == 0);
    }
    return dead;
  }
}
