package io.moepress.recipes.linear;

import io.moepress.formats.Checks;
import java.util.Arrays;
import org.ojalgo.OjAlgoUtils;
import org.ojalgo.matrix.decomposition.Eigenvalue;
import org.ojalgo.matrix.store.MatrixStore;
import org.ojalgo.matrix.store.R064Store;

/// Linear algebra in Java: the definition, and what there is where no library is. Eigenvectors are
/// ojAlgo's, 1.8 s of one core for a matrix of order 1024.
public record PlainAlgebra() implements LinearAlgebra {
  static {
    OjAlgoUtils.limitThreadsTo(1); // jobs run side by side already
  }

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
    R064Store matrix = R064Store.FACTORY.make(order, order);
    for (int row = 0; row < order; row++) {
      for (int column = 0; column < order; column++) { // the library reads one triangle, too
        matrix.set(row, column, symmetric[Math.min(row, column) * order + Math.max(row, column)]);
      }
    }
    Eigenvalue<Double> found = Eigenvalue.R064.make(order, true);
    Checks.require(found.decompose(matrix), "no eigenvectors of a matrix of order %d", order);
    MatrixStore<Double> columns = found.getV();
    MatrixStore<Double> diagonal = found.getD();
    double[] values = new double[order];
    double[] vectors = new double[Math.multiplyExact(order, order)];
    for (int i = 0; i < order; i++) { // found in descending order
      int place = order - 1 - i;
      values[i] = diagonal.doubleValue(place, place);
      for (int row = 0; row < order; row++) {
        vectors[i * order + row] = columns.doubleValue(row, place);
      }
    }
    return new Eigen(values, vectors);
  }

  @Override
  public double[] eigenvalues(double[] symmetric, int order) {
    return eigen(symmetric, order).values();
  }
}
