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

  @Override
  public double[] eigenvalues(double[] symmetric, int order) {
    return eigen(symmetric, order).values();
  }
}
