package io.moepress.recipes.linear;

import java.util.Arrays;

/// The space that the columns of some matrices share best: the eigenvectors of `Σ_i M_i M_iᵀ` with
/// the largest values. They are the left singular vectors of the matrices side by side.
///
/// Mutable, for one thread.
public final class ColumnSpace {
  private final int rows;
  private final LinearAlgebra algebra;
  private final double[] squares; // [rows, rows]

  /// Begins with nothing.
  ///
  /// @param rows of every matrix
  public ColumnSpace(int rows, LinearAlgebra algebra) {
    this.rows = rows;
    this.algebra = algebra;
    this.squares = new double[Math.multiplyExact(rows, rows)];
  }

  /// Adds a matrix.
  ///
  /// @param matrix `[rows, n]`, row by row
  public void add(double[] matrix) {
    if (matrix.length == 0) {
      return;
    }
    double[] products = algebra.productTransposed(matrix, matrix, rows, matrix.length / rows, rows);
    for (int i = 0; i < squares.length; i++) {
      squares[i] += products[i];
    }
  }

  /// `Σ_i ‖M_i‖²` of what was added.
  public double total() {
    double total = 0;
    for (int row = 0; row < rows; row++) {
      total += squares[row * rows + row];
    }
    return total;
  }

  /// The directions that hold most.
  ///
  /// @param rank how many, from 1 to the number of rows
  public Basis basis(int rank) {
    LinearAlgebra.Eigen eigen = algebra.eigen(squares, rows);
    double energy = 0;
    for (int vector = rows - rank; vector < rows; vector++) {
      energy += eigen.values()[vector];
    }
    return new Basis(
        Arrays.copyOfRange(eigen.vectors(), (rows - rank) * rows, rows * rows), energy);
  }

  /// Directions that a projection keeps.
  ///
  /// @param vectors of length 1 and at right angles, `[rank, rows]`
  /// @param energy the part of [#total] that lies in them
  public record Basis(double[] vectors, double energy) {}
}
