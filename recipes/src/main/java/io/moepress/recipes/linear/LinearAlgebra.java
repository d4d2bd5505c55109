package io.moepress.recipes.linear;

/// What is asked of linear algebra, on row-major matrices of doubles.
///
/// Implementations agree to rounding, not to the bit, as matrix products of different machines do.
/// Each works in the calling thread alone.
public interface LinearAlgebra {

  /// Eigenvalues and eigenvectors of a symmetric matrix.
  ///
  /// @param values ascending
  /// @param vectors of length 1, one in each row, in the order of the values
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Eigen(double[] values, double[] vectors) {}

  /// The product `a · b`, `[rows, columns]`.
  ///
  /// @param a `[rows, inner]`
  /// @param b `[inner, columns]`
  double[] product(double[] a, double[] b, int rows, int inner, int columns);

  /// The product `a · bᵀ`, `[rows, columns]`.
  ///
  /// @param a `[rows, inner]`
  /// @param b `[columns, inner]`
  double[] productTransposed(double[] a, double[] b, int rows, int inner, int columns);

  /// Eigenvalues and eigenvectors.
  ///
  /// @param symmetric `[order, order]`, finite
  Eigen eigen(double[] symmetric, int order);

  /// Eigenvalues alone, ascending: several times as fast.
  ///
  /// @param symmetric `[order, order]`, finite
  double[] eigenvalues(double[] symmetric, int order);

  /// The library of this machine, or plain Java where none is on the class path.
  static LinearAlgebra best() {
    return BestAlgebra.FOUND;
  }
}
