package io.moepress.recipes.linear;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix;
import org.jspecify.annotations.Nullable;

/// Makes one matrix of those of several experts, which come one after the other.
///
/// The mean of the matrices `W_i` with weights `f_i` is taken neuron by neuron: a neuron of the
/// result is the weighted mean of all neurons that go there. If a rank is asked for, the mean is
/// then projected on the space of the `r` eigenvectors of `Σ_i W_i W_iᵀ` with the largest values:
///
/// ```
/// W = U_r U_rᵀ · Σ_i f_i W_i / Σ_i f_i
/// ```
///
/// That is the experts union decomposition of Sub-MoE: from `[W_1 … W_n] = U Σ [V_1 … V_n]ᵀ`, side
/// by side, follows `U Σ V_iᵀ = W_i`, so that the weighted mean of the `V_i` gives the weighted
/// mean of the `W_i`, and cutting `U` to rank `r` projects it. At full rank it **is** that mean.
///
/// A basis of the space may be given instead, such as that of what the matrices do to the inputs
/// they get.
public final class MatrixMerger {
  private final ExpertMatrix shape;
  private final int rank;
  private final LinearAlgebra algebra;
  private final double[] sum;
  private final double[] shares; // [neurons]
  private final double @Nullable [] basis; // [rank, rows], where it is given
  private final @Nullable ColumnSpace space; // where there is something to project, and it is not

  /// Begins.
  ///
  /// @param shape of the matrices
  /// @param rank from 1 to the number of rows, which leaves the mean as it is
  public MatrixMerger(ExpertMatrix shape, int rank, LinearAlgebra algebra) {
    this(shape, rank, null, algebra);
  }

  /// Begins.
  ///
  /// @param basis `[rank, rows]`: the space to project on; null: the one that the matrices share
  public MatrixMerger(
      ExpertMatrix shape, int rank, double @Nullable [] basis, LinearAlgebra algebra) {
    Checks.require(
        rank >= 1 && rank <= shape.rows(), "rank %d (expected 1 to %d)", rank, shape.rows());
    Checks.require(
        basis == null || basis.length == Math.multiplyExact(rank, shape.rows()),
        "a basis of another size than %d vectors of length %d",
        rank,
        shape.rows());
    this.shape = shape;
    this.rank = rank;
    this.basis = basis;
    this.algebra = algebra;
    this.sum = new double[Math.multiplyExact(shape.rows(), shape.columns())];
    this.shares = new double[neurons(shape)];
    this.space = projects() && basis == null ? new ColumnSpace(shape.rows(), algebra) : null;
  }

  /// What a merger of such matrices holds: a sum of matrices, and one of their squares where there
  /// is something to project, `8 · (rows · columns + rows²)` bytes.
  public static long heldBytes(ExpertMatrix shape, int rank) {
    return Double.BYTES * (elements(shape) + squares(shape, rank));
  }

  /// What it takes for a moment beside that: a member in two orders and its square, or the mean,
  /// what becomes of it, and the eigenvectors with the memory that LAPACK asks for.
  public static long workingBytes(ExpertMatrix shape, int rank) {
    return Double.BYTES * (3 * elements(shape) + 5 * squares(shape, rank));
  }

  private static long elements(ExpertMatrix shape) {
    return Math.multiplyExact((long) shape.rows(), shape.columns());
  }

  private static long squares(ExpertMatrix shape, int rank) {
    return rank < shape.rows() ? Math.multiplyExact((long) shape.rows(), shape.rows()) : 0;
  }

  private boolean projects() {
    return rank < shape.rows();
  }

  private static int neurons(ExpertMatrix shape) {
    return shape.projection().hasNeuronsAsRows() ? shape.rows() : shape.columns();
  }

  /// Adds a matrix.
  ///
  /// @param matrix row by row
  /// @param weight its share, at least 0
  /// @param places where each of its neurons goes; null: to its own place
  public void add(double[] matrix, double weight, int @Nullable [] places) {
    double[] moved = places == null ? matrix : moved(shape, matrix, places);
    for (int neuron = 0; neuron < shares.length; neuron++) {
      shares[places == null ? neuron : places[neuron]] += weight;
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] += weight * moved[i];
    }
    if (space != null) {
      space.add(moved);
    }
  }

  /// A matrix with its neurons in other places; neurons that go to the same place are added up.
  ///
  /// @param places where each of them goes
  public static double[] moved(ExpertMatrix shape, double[] matrix, int[] places) {
    int neurons = neurons(shape);
    Checks.require(places.length == neurons, "%d places of %d neurons", places.length, neurons);
    double[] moved = new double[matrix.length];
    boolean byRow = shape.projection().hasNeuronsAsRows();
    int columns = shape.columns();
    for (int row = 0; row < shape.rows(); row++) {
      for (int column = 0; column < columns; column++) {
        int target = byRow ? places[row] * columns + column : row * columns + places[column];
        moved[target] += matrix[row * columns + column];
      }
    }
    return moved;
  }

  /// The merged matrix, row by row.
  public double[] result() {
    double[] mean = sum.clone();
    boolean byRow = shape.projection().hasNeuronsAsRows();
    for (int i = 0; i < mean.length; i++) {
      int neuron = byRow ? i / shape.columns() : i % shape.columns();
      Checks.require(shares[neuron] > 0, "no neuron goes to place %d", neuron);
      mean[i] /= shares[neuron];
    }
    return projects() ? projected(mean) : mean;
  }

  private double[] projected(double[] mean) {
    int rows = shape.rows();
    double[] vectors = basis == null ? space().basis(rank).vectors() : basis; // [rank, rows]
    double[] inner = algebra.product(vectors, mean, rank, rows, shape.columns());
    double[] turned = new double[vectors.length]; // [rows, rank]
    for (int vector = 0; vector < rank; vector++) {
      for (int row = 0; row < rows; row++) {
        turned[row * rank + vector] = vectors[vector * rows + row];
      }
    }
    return algebra.product(turned, inner, rows, rank, shape.columns());
  }

  /// The space that the matrices share.
  ///
  /// @throws IllegalStateException where there is nothing to project, or the space is given
  public ColumnSpace space() {
    if (space == null) {
      throw new IllegalStateException("no space of its own");
    }
    return space;
  }
}
