package io.moepress.recipes.linear;

import io.moepress.formats.Checks;

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

  /// Some consecutive rows and columns of a row-major matrix. The array is not copied.
  ///
  /// @param values of the whole matrix
  /// @param first index of the first element
  /// @param rows rows of the part
  /// @param columns columns of the part
  /// @param stride columns of the whole matrix
  record Part(double[] values, int first, int rows, int columns, int stride) {
    public Part {
      long end = first + (rows - 1L) * stride + columns;
      Checks.require(
          first >= 0 && rows > 0 && columns > 0 && columns <= stride && end <= values.length,
          "[%d, %d] from %d on, %d apart, of %d values",
          rows,
          columns,
          first,
          stride,
          values.length);
    }

    /// All of a matrix.
    public static Part of(double[] values, int rows, int columns) {
      return new Part(values, 0, rows, columns, columns);
    }
  }

  /// Adds `a · b` to `sum`.
  ///
  /// @param a `[rows, inner]`
  /// @param b `[inner, columns]`
  /// @param sum `[rows, columns]`, overlaps neither of the others
  void addProduct(Part a, Part b, Part sum);

  /// Adds `aᵀ · b` to `sum`.
  ///
  /// @param a `[inner, rows]`
  /// @param b `[inner, columns]`
  /// @param sum `[rows, columns]`, overlaps neither of the others
  void addTransposedProduct(Part a, Part b, Part sum);

  /// Replaces a symmetric matrix by its Cholesky factor, the lower triangle `L` with `L · Lᵀ =
  /// matrix` and zeros above its diagonal. What the matrix has above its diagonal is not read.
  ///
  /// @param matrix `[order, order]`, finite
  /// @return whether the matrix is positive definite to rounding; where it is not, the array holds
  ///   nothing of use
  boolean factorise(double[] matrix, int order);

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
