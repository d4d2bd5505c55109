package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;

/// Adds up the columns of float32 matrices in float64, row by row: first within each batch of
/// tokens, by the job that works on it, then batch after batch in the order of tokens. So the sums
/// do not depend on the number of workers.
final class ColumnSums {
  private final int experts;
  private final Map<ExpertSum, double[][]> sums = new EnumMap<>(ExpertSum.class);

  ColumnSums(int experts) {
    this.experts = experts;
  }

  /// The sum of each column of a row-major matrix of floats.
  static double[] sums(MemorySegment matrix, int rows) {
    double[] row = newRow(matrix, rows);
    double[] sums = new double[row.length];
    for (int index = 0; index < rows; index++) {
      widen(matrix, index, row);
      for (int i = 0; i < sums.length; i++) {
        sums[i] += row[i];
      }
    }
    return sums;
  }

  /// The sum of the squares of each column of a row-major matrix of floats.
  static double[] squares(MemorySegment matrix, int rows) {
    double[] row = newRow(matrix, rows);
    double[] sums = new double[row.length];
    for (int index = 0; index < rows; index++) {
      widen(matrix, index, row);
      for (int i = 0; i < sums.length; i++) {
        sums[i] += row[i] * row[i];
      }
    }
    return sums;
  }

  /// The sum of the squares of each column, each row multiplied by its factor first.
  static double[] squares(MemorySegment matrix, float[] factors) {
    double[] row = newRow(matrix, factors.length);
    double[] sums = new double[row.length];
    for (int index = 0; index < factors.length; index++) {
      widen(matrix, index, row);
      double factor = (double) factors[index] * factors[index];
      for (int i = 0; i < sums.length; i++) {
        sums[i] += factor * (row[i] * row[i]);
      }
    }
    return sums;
  }

  private static double[] newRow(MemorySegment matrix, int rows) {
    return new double[Math.toIntExact(matrix.byteSize() / Float.BYTES / rows)];
  }

  private static void widen(MemorySegment matrix, int index, double[] row) {
    long first = (long) index * row.length;
    for (int i = 0; i < row.length; i++) {
      row[i] = matrix.getAtIndex(JAVA_FLOAT, first + i);
    }
  }

  /// Adds what a batch of an expert's tokens gave.
  void add(int expert, Map<ExpertSum, double[]> ofBatch) {
    ofBatch.forEach((sum, columns) -> {
      double[] total =
          sums.computeIfAbsent(sum, absent -> new double[experts][columns.length])[expert];
      for (int i = 0; i < columns.length; i++) {
        total[i] += columns[i];
      }
    });
  }

  /// The sums, `[E]` rows; zeros for an expert no token reached.
  Map<ExpertSum, double[][]> all() {
    return sums;
  }
}
