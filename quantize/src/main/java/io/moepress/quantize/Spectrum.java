package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.recipes.linear.LinearAlgebra;
import java.util.Arrays;
import java.util.SplittableRandom;

/// The eigenvalues of `W Wᵀ` of the tiles of a matrix, pooled, ascending.
///
/// Tiles are squares of 128 side by side; what does not fill one at the edges is left out. Of more
/// than 256 tiles 256 are drawn by lot. A matrix that is narrower than a tile is taken whole.
///
/// @param eigenvalues not negative
record Spectrum(double[] eigenvalues) {
  static final int TILE = 128;
  static final int MOST_TILES = 256;

  /// Below this an eigenvalue is zero.
  private static final double FLOOR = 1e-12;

  private static final double TAIL = 0.1;
  private static final int SHORTEST_TAIL = 10;

  /// Of a matrix.
  ///
  /// @param matrix `[rows, columns]`, row-major
  /// @param seed decides which tiles, where there are many
  static Spectrum of(double[] matrix, int rows, int columns, long seed) {
    LinearAlgebra algebra = LinearAlgebra.best();
    if (rows < TILE || columns < TILE) {
      return new Spectrum(whole(matrix, rows, columns, algebra));
    }
    int across = columns / TILE;
    int[] tiles = drawn(rows / TILE * across, seed);
    double[] pooled = new double[tiles.length * TILE];
    double[] tile = new double[TILE * TILE];
    for (int i = 0; i < tiles.length; i++) {
      int first = tiles[i] / across * TILE * columns + tiles[i] % across * TILE;
      for (int row = 0; row < TILE; row++) {
        System.arraycopy(matrix, first + row * columns, tile, row * TILE, TILE);
      }
      double[] gram = algebra.productTransposed(tile, tile, TILE, TILE, TILE);
      System.arraycopy(algebra.eigenvalues(gram, TILE), 0, pooled, i * TILE, TILE);
    }
    return sorted(pooled);
  }

  private static double[] whole(double[] matrix, int rows, int columns, LinearAlgebra algebra) {
    double[] flat = rows <= columns ? matrix : turned(matrix, rows, columns);
    int order = Math.min(rows, columns);
    int inner = Math.max(rows, columns);
    return sorted(
            algebra.eigenvalues(algebra.productTransposed(flat, flat, order, inner, order), order))
        .eigenvalues();
  }

  private static double[] turned(double[] matrix, int rows, int columns) {
    double[] turned = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      turned[i % columns * rows + i / columns] = matrix[i];
    }
    return turned;
  }

  private static Spectrum sorted(double[] values) {
    double[] sorted = Arrays.stream(values).map(value -> Math.max(0, value)).toArray();
    Arrays.sort(sorted);
    return new Spectrum(sorted);
  }

  /// At most 256 of `count` tiles, ascending; all where they are no more.
  static int[] drawn(int count, long seed) {
    int[] tiles = new int[count];
    Arrays.setAll(tiles, i -> i);
    if (count <= MOST_TILES) {
      return tiles;
    }
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < MOST_TILES; i++) {
      int other = random.nextInt(i, count);
      int drawn = tiles[other];
      tiles[other] = tiles[i];
      tiles[i] = drawn;
    }
    int[] chosen = Arrays.copyOf(tiles, MOST_TILES);
    Arrays.sort(chosen);
    return chosen;
  }

  /// The exponent of the tail: the largest tenth of the eigenvalues, at least 10.
  ///
  /// See [#hill(int)].
  double alpha() {
    int count = eigenvalues.length;
    return hill(Math.min(Math.max(SHORTEST_TAIL, (int) (TAIL * count)), count - 1));
  }

  /// Hill's estimator of the exponent `α` of a density `λ^−α`:
  ///
  /// ```
  /// α = 1 + κ / Σ_{i ≤ κ} ln(λ_i / λ_{κ+1})        λ_1 ≥ λ_2 ≥ …
  /// ```
  ///
  /// It does not change when the matrix is multiplied with a number. Infinite where the eigenvalues
  /// are equal.
  ///
  /// @param tail `κ`, at least 1 and fewer than there are eigenvalues
  double hill(int tail) {
    int count = eigenvalues.length;
    Checks.require(
        tail > 0 && tail < count, "a tail of %d of %d eigenvalues (expected fewer)", tail, count);
    return exponent(tail, Math.max(FLOOR, eigenvalues[count - 1 - tail]));
  }

  /// The same for the upper half, the smallest of which is the reference and counts too: as
  /// WeightWatcher fits with `xmin_mid`.
  double middle() {
    int count = eigenvalues.length;
    return exponent(count - count / 2, Math.max(FLOOR, eigenvalues[count / 2]));
  }

  private double exponent(int tail, double reference) {
    double logs = 0;
    for (int i = eigenvalues.length - tail; i < eigenvalues.length; i++) {
      logs += Math.log(Math.max(FLOOR, eigenvalues[i]) / reference);
    }
    return 1 + tail / logs;
  }
}
