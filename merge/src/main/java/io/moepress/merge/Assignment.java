package io.moepress.merge;

import java.util.Arrays;

/// The linear assignment problem: each row gets a column of its own, so that the sum of the costs
/// is smallest.
///
/// Rows are added one by one, each along the cheapest chain of exchanges with the rows before it,
/// found as a shortest path over costs reduced by prices of rows and columns. Time grows with the
/// third power of the size, and much slower where costs tell columns apart. Ties take the lower
/// column.
///
/// Source: Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
/// assignment problems", Computing 38, 1987 (the augmentation; none of its preludes).
final class Assignment {
  private static final int NONE = -1;

  private final double[][] cost;
  private final int size;
  private final double[] rowPrice;
  private final double[] columnPrice;
  private final int[] rowOf; // of each column

  private Assignment(double[][] cost) {
    this.cost = cost;
    this.size = cost.length;
    this.rowPrice = new double[size];
    this.columnPrice = new double[size];
    this.rowOf = new int[size];
    Arrays.fill(rowOf, NONE);
  }

  /// Solves the problem.
  ///
  /// @param cost a square matrix of finite numbers
  /// @return the column of each row
  static int[] cheapest(double[][] cost) {
    Assignment assignment = new Assignment(cost);
    for (int row = 0; row < cost.length; row++) {
      assignment.add(row);
    }
    int[] columns = new int[cost.length];
    for (int column = 0; column < cost.length; column++) {
      columns[assignment.rowOf[column]] = column;
    }
    return columns;
  }

  private void add(int first) {
    double[] length = new double[size]; // of the shortest path to each column
    int[] before = new int[size]; // the column before it on that path
    boolean[] reached = new boolean[size];
    Arrays.fill(length, Double.POSITIVE_INFINITY);
    int row = first;
    int column = NONE;
    double walked = 0;
    while (row != NONE) {
      int nearest = NONE;
      for (int next = 0; next < size; next++) {
        if (!reached[next]) {
          double through = walked + cost[row][next] - rowPrice[row] - columnPrice[next];
          if (through < length[next]) {
            length[next] = through;
            before[next] = column;
          }
          nearest = nearest == NONE || length[next] < length[nearest] ? next : nearest;
        }
      }
      column = nearest;
      walked = length[column];
      reached[column] = true;
      row = rowOf[column];
    }
    raisePrices(first, walked, length, reached);
    exchange(first, column, before);
  }

  /// Keeps reduced costs at 0 on what is assigned, and nowhere below.
  private void raisePrices(int first, double walked, double[] length, boolean[] reached) {
    rowPrice[first] += walked;
    for (int column = 0; column < size; column++) {
      if (reached[column] && rowOf[column] != NONE) {
        rowPrice[rowOf[column]] += walked - length[column];
        columnPrice[column] -= walked - length[column];
      }
    }
  }

  /// Every row on the path takes the next column, and the first row the first.
  private void exchange(int first, int free, int[] before) {
    int column = free;
    while (before[column] != NONE) {
      rowOf[column] = rowOf[before[column]];
      column = before[column];
    }
    rowOf[column] = first;
  }
}
