package io.moepress.recipes.linear;

import java.util.Arrays;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;

/// Linear algebra in Java: the definition, and what there is where no library is.
public record PlainAlgebra() implements LinearAlgebra {

  @Override
  public double[] product(double[] a, double[] b, int rows, int inner, int columns) {
    double[] product = new double[Math.multiplyExact(rows, columns)];
    for (int row = 0; row < rows; row++) {
      for (int k = 0; k < inner; k++) {
        double factor = a[row * inner + k];
        for (int column = 0; column < columns; column++) {
          product[row * columns + column] += factor * b[k * columns + column];
        }
      }
    }
    return product;
  }

  @Override
  public double[] productTransposed(double[] a, double[] b, int rows, int inner, int columns) {
    double[] turned = new double[b.length];
    for (int column = 0; column < columns; column++) {
      for (int k = 0; k < inner; k++) {
        turned[k * columns + column] = b[column * inner + k];
      }
    }
    return product(a, turned, rows, inner, columns);
  }

  @Override
  public void addProduct(Part a, Part b, Part sum) {
    for (int row = 0; row < a.rows(); row++) {
      for (int k = 0; k < a.columns(); k++) {
        addRow(a.values()[a.first() + row * a.stride() + k], b, k, sum, row);
      }
    }
  }

  @Override
  public void addTransposedProduct(Part a, Part b, Part sum) {
    for (int row = 0; row < a.columns(); row++) {
      for (int k = 0; k < a.rows(); k++) {
        addRow(a.values()[a.first() + k * a.stride() + row], b, k, sum, row);
      }
    }
  }

  private static void addRow(double factor, Part from, int fromRow, Part to, int toRow) {
    int source = from.first() + fromRow * from.stride();
    int target = to.first() + toRow * to.stride();
    for (int column = 0; column < from.columns(); column++) {
      to.values()[target + column] += factor * from.values()[source + column];
    }
  }

  @Override
  public boolean factorise(double[] matrix, int order) {
    for (int row = 0; row < order; row++) {
      int at = row * order;
      for (int column = 0; column <= row; column++) {
        double rest = matrix[at + column] - product(matrix, at, column * order, column);
        if (column < row) {
          matrix[at + column] = rest / matrix[column * order + column];
        } else if (rest > 0) {
          matrix[at + row] = Math.sqrt(rest);
        } else {
          return false; // NaN, too
        }
      }
      Arrays.fill(matrix, at + row + 1, at + order, 0);
    }
    return true;
  }

  private static double product(double[] values, int first, int second, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values[first + i] * values[second + i];
    }
    return sum;
  }

  @Override
  public Eigen eigen(double[] symmetric, int order) {
    double[][] rows = new double[order][];
    for (int row = 0; row < order; row++) {
      rows[row] = Arrays.copyOfRange(symmetric, row * order, (row + 1) * order);
      for (int column = 0; column < row; column++) {
        rows[row][column] = rows[column][row]; // the library reads one triangle, too
      }
    }
    EigenDecomposition found = new EigenDecomposition(new Array2DRowRealMatrix(rows, false));
    double[] values = new double[order];
    double[] vectors = new double[Math.multiplyExact(order, order)];
    for (int i = 0; i < order; i++) { // found in descending order
      values[i] = found.getRealEigenvalue(order - 1 - i);
      System.arraycopy(found.getEigenvector(order - 1 - i).toArray(), 0, vectors, i * order, order);
    }
    return new Eigen(values, vectors);
  }
}
