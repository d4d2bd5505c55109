package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.recipes.linear.LinearAlgebra;

/// Rounds the weights of a linear layer column by column, and lets later columns make up for the
/// errors of earlier ones, as the layer's inputs allow.
///
/// Sought is a `Ŵ` on the grid with a small loss `tr((W - Ŵ) · H · (W - Ŵ)ᵀ)`, where the Hessian `H
/// = Σ x·xᵀ` is over the inputs ([HessianSum]). With `λ = damping · mean(diag H)` and `H + λ·I = M
/// · D · Mᵀ`, `M` upper triangular with ones on its diagonal and `D` diagonal ([GptqFactor]),
/// column after column
///
/// ```
/// v_k = w_k + Σ_{i<k} (w_i - ŵ_i) · M_ik             ŵ_k = nearest to v_k on the grid
/// loss + λ · ‖W - Ŵ‖² = Σ_k D_k · ‖v_k - ŵ_k‖²
/// ```
///
/// These are the columns of the published algorithm, which subtracts `(v_k - ŵ_k) / U_kk · U_kj`
/// from every later column `j`, with the upper Cholesky factor `U` of the inverse of `H + λ·I`.
/// Here it takes one factorisation and no inverse.
///
/// **Dead columns.** An input that was always 0 (`H_jj = 0`) says nothing about its column, which
/// is rounded to the nearest; the authors' code sets it to 0. So are all columns of an expert that
/// no token reached. The diagonal of a dead column counts as 1, as in the authors' code, but as no
/// more than the mean of the others, since it is part of the mean that damping goes by.
///
/// **Damping.** Where `H + λ·I` is not positive definite to rounding, the factorisation is tried
/// again with ten times the damping (at least 1e-4), and the report says so.
///
/// **Order.** By activation, columns with a large `H_jj` come first, ties keep the lower index.
/// Groups are made of columns as they are stored, or, where scales are updated, of columns as they
/// are visited. What comes out, and what compressed-tensors calls it (`actorder`):
///
/// | order        | scales     | groups of consecutive columns? | `actorder` |
/// |--------------|------------|--------------------------------|------------|
/// | `STORED`     | `ORIGINAL` | yes                            | none       |
/// | `STORED`     | `UPDATED`  | yes                            | none       |
/// | `ACTIVATION` | `ORIGINAL` | yes                            | `weight`   |
/// | `ACTIVATION` | `UPDATED`  | no: needs `g_idx`              | `group`    |
///
/// Updated scales of a group are those of its columns at their best given the errors so far, which
/// is `w + p · M_GG⁻¹` with the sums `p` above over all earlier groups. The authors' code leaves
/// out errors made in the same block of columns; here the block size is a matter of speed alone.
///
/// Sources: GPTQ, Frantar et al., arXiv:2210.17323, IST-DASLab/gptq; the form without inverse is
/// LDLQ of QuIP, arXiv:2307.13304. GPTQModel, too, raises the damping, by a constant.
///
/// @param damping share of the mean of the Hessian's diagonal that is added to it
/// @param retries how often the damping may be raised
/// @param order in which columns are visited
/// @param groupScales from which weights scales of groups follow
/// @param blockSize columns whose errors are carried on one by one; beyond, by matrix products
/// @param scales how scales follow from weights
public record Gptq(
    double damping,
    int retries,
    Order order,
    GroupScales groupScales,
    int blockSize,
    ScaleChoice scales) {

  /// Columns by activation, whole groups of stored columns: loads wherever groups do.
  public static final Gptq DEFAULT =
      new Gptq(0.01, 3, Order.ACTIVATION, GroupScales.ORIGINAL, 128, new Extremes());

  /// In which order columns are visited.
  public enum Order {
    /// As they are stored.
    STORED,
    /// By falling diagonal of the Hessian.
    ACTIVATION
  }

  /// From which weights scales of groups follow.
  public enum GroupScales {
    /// From those that were given.
    ORIGINAL,
    /// From those that have made up for the errors of all groups before.
    UPDATED
  }

  /// What became of a matrix.
  ///
  /// @param loss `tr((W - Ŵ) · H · (W - Ŵ)ᵀ)` with the Hessian as it was given
  /// @param squaredError `‖W - Ŵ‖²`
  /// @param damping the one that was really used
  /// @param retries how often it was raised
  /// @param deadColumns how many columns were rounded to the nearest, for no input reached them
  /// @param isUnseen whether these are all
  public record Report(
      double loss,
      double squaredError,
      double damping,
      int retries,
      int deadColumns,
      boolean isUnseen) {}

  /// A matrix and its report.
  ///
  /// @param matrix the codes
  /// @param report how it went
  public record Result(IntegerMatrix matrix, Report report) {}

  public Gptq {
    Checks.require(
        damping >= 0 && Double.isFinite(damping),
        "gptq: damping %s (expected at least 0, such as 0.01)",
        damping);
    Checks.require(retries >= 0, "gptq: %d retries (expected at least 0)", retries);
    Checks.require(blockSize > 0, "gptq: blocks of %d columns (expected at least 1)", blockSize);
  }

  /// Prepares for matrices that read the same inputs, such as gate and up of an expert.
  ///
  /// @param hessian `[columns, columns]`, symmetric, not changed
  /// @throws io.moepress.formats.FormatException when it has a number that is not finite, or is not
  ///   positive semidefinite
  public GptqFactor factor(double[] hessian, int columns, LinearAlgebra algebra) {
    return new GptqFactor(new Hessian(hessian, columns), this, algebra);
  }

  /// Rounds a matrix.
  ///
  /// @param weights `[rows, columns]`, row-major
  /// @param factor of [#factor]
  /// @throws io.moepress.formats.FormatException when a weight is not finite
  public Result encode(float[] weights, int rows, GptqFactor factor, StoredGrid stored) {
    Sharing sharing = stored.sharing();
    Solution solution = solve(weights, rows, factor, sharing, new GridRounding(stored, scales));
    int steps = solution.steps().length;
    float[] stepScales = new float[steps];
    byte[] zeroPoints = new byte[steps];
    for (int i = 0; i < steps; i++) {
      stepScales[i] = (float) solution.steps()[i].scale();
      zeroPoints[i] = (byte) solution.steps()[i].zeroPoint();
    }
    return new Result(
        new IntegerMatrix(
            stored.grid(),
            rows,
            solution.groups().ofColumn(),
            solution.codes(),
            stepScales,
            zeroPoints),
        factor.report(solution.loss(), solution.squaredError()));
  }

  /// What is found for a matrix.
  ///
  /// @param groups which columns share scales
  /// @param codes `[rows, columns]`
  /// @param steps `[rows, groups]`
  /// @param loss with the Hessian as it was given
  /// @param squaredError `‖W - Ŵ‖²`
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Solution(
      ColumnGroups groups, byte[] codes, Rounding.Step[] steps, double loss, double squaredError) {}

  Solution solve(float[] weights, int rows, GptqFactor factor, Sharing sharing, Rounding rounding) {
    ColumnGroups groups = ColumnGroups.of(sharing, groupScales, factor);
    WeightMatrix matrix = new WeightMatrix(weights, rows, factor.columns());
    return new GptqSolver(matrix, factor, groups, rounding, blockSize).solve();
  }
}
