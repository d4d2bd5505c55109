package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.LinearAlgebra.Part;
import java.util.BitSet;
import java.util.Comparator;
import java.util.stream.IntStream;

/// What [Gptq] must know of a layer's inputs: `H + λ·I = M · D · Mᵀ`, with rows and columns of `H`
/// in the order of visits. Made once for all matrices that read the same inputs.
///
/// With `J` the order turned round, `J · (H + λ·I) · J = L · Lᵀ` and `R = J · L · J`, the factors
/// are `M = R · diag(R)⁻¹` and `D = diag(R)²`. Takes as much memory as the Hessian, and while it is
/// made two times as much more.
public final class GptqFactor {
  private static final double LEAST_RAISED = 1e-4;
  private static final int RAISED_BY = 10;

  /// Rows of a matrix that are worked on at once.
  private static final int CHUNK = 256;

  private final LinearAlgebra algebra;
  private final BitSet dead;
  private final double deadDiagonal;
  private final int[] visited;
  private final double[] feedback;
  private final double[] pivots;
  private final double damping;
  private final double added;
  private final int retries;

  GptqFactor(Hessian hessian, Gptq options, LinearAlgebra algebra) {
    this.algebra = algebra;
    this.dead = hessian.dead();
    int columns = hessian.columns();
    int live = columns - dead.cardinality();
    double sum = 0;
    for (int column = 0; column < columns; column++) {
      sum += hessian.diagonal(column);
    }
    this.deadDiagonal = live == 0 ? 1 : Math.min(1, sum / live);
    this.visited =
        switch (options.order()) {
          case STORED -> IntStream.range(0, columns).toArray();
          case ACTIVATION -> byActivation(hessian);
        };
    double mean = (sum + dead.cardinality() * deadDiagonal) / columns;
    double share = options.damping();
    int raised = 0;
    double[] factor = damped(hessian, share * mean);
    while (!algebra.factorise(factor, columns)) {
      requireAnother(raised < options.retries(), columns, share);
      raised++;
      share = Math.max(share * RAISED_BY, LEAST_RAISED);
      factor = damped(hessian, share * mean);
    }
    this.damping = share;
    this.added = share * mean;
    this.retries = raised;
    this.feedback = factor;
    this.pivots = new double[columns];
    turnRound();
    normalise();
  }

  private static void requireAnother(boolean another, int columns, double damping) {
    if (!another) {
      throw FormatException.of(
          "Hessian: %d columns: not positive definite with damping %s (expected sums of squares and"
              + " products). Allow more damping, or measure again.",
          columns, damping);
    }
  }

  private static int[] byActivation(Hessian hessian) {
    return IntStream.range(0, hessian.columns())
        .boxed()
        .sorted(Comparator.comparing(hessian::diagonal, Comparator.reverseOrder()))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /// The lower triangle of `J · (H + added · I) · J`.
  private double[] damped(Hessian hessian, double toAdd) {
    int columns = visited.length;
    double[] damped = new double[columns * columns];
    for (int row = 0; row < columns; row++) {
      int i = visited[columns - 1 - row];
      int at = row * columns;
      for (int column = 0; column < row; column++) {
        damped[at + column] = hessian.values()[i * columns + visited[columns - 1 - column]];
      }
      damped[at + row] = toAdd + (dead.get(i) ? deadDiagonal : hessian.diagonal(i));
    }
    return damped;
  }

  /// Makes `J · L · J` of `L`, which reverses all numbers.
  private void turnRound() {
    for (int i = 0, j = feedback.length - 1; i < j; i++, j--) {
      double value = feedback[i];
      feedback[i] = feedback[j];
      feedback[j] = value;
    }
  }

  private void normalise() {
    int columns = visited.length;
    double[] roots = new double[columns];
    for (int column = 0; column < columns; column++) {
      roots[column] = feedback[column * columns + column];
      pivots[column] = roots[column] * roots[column];
    }
    for (int row = 0; row < columns; row++) {
      for (int column = row; column < columns; column++) {
        feedback[row * columns + column] /= roots[column];
      }
    }
  }

  /// Number of inputs.
  public int columns() {
    return visited.length;
  }

  /// Columns that no input reached, ascending.
  public int[] deadColumns() {
    return dead.stream().toArray();
  }

  LinearAlgebra algebra() {
    return algebra;
  }

  /// The column at each position, not copied.
  int[] visited() {
    return visited;
  }

  /// `M`, `[columns, columns]`, not copied.
  double[] feedback() {
    return feedback;
  }

  /// The diagonal of `D`, not copied.
  double[] pivots() {
    return pivots;
  }

  /// What damping, and being dead, adds to the Hessian's diagonal at a position.
  double addedAt(int position) {
    return dead.get(visited[position]) ? added + deadDiagonal : added;
  }

  Gptq.Report report(double loss, double squaredError) {
    int deadColumns = dead.cardinality();
    return new Gptq.Report(
        loss, squaredError, damping, retries, deadColumns, deadColumns == visited.length);
  }

  /// The loss `tr((W - Ŵ) · H · (W - Ŵ)ᵀ)` of any rounding.
  ///
  /// @param weights `[rows, columns]`, row-major
  /// @param matrix `Ŵ`
  public double loss(float[] weights, IntegerMatrix matrix) {
    int columns = visited.length;
    int rows = matrix.rows();
    float[] decoded = matrix.decode();
    Checks.require(
        weights.length == decoded.length && matrix.columns() == columns,
        "gptq: %d weights, rounded to %d of %d columns, for a Hessian of %d columns",
        weights.length,
        decoded.length,
        matrix.columns(),
        columns);
    double loss = 0;
    for (int first = 0; first < rows; first += CHUNK) {
      int count = Math.min(CHUNK, rows - first);
      double[] errors = new double[count * columns];
      for (int i = 0; i < errors.length; i++) {
        int at = (first + i / columns) * columns + visited[i % columns];
        errors[i] = (double) weights[at] - decoded[at];
      }
      loss += loss(errors, count);
    }
    return loss;
  }

  private double loss(double[] errors, int rows) {
    int columns = visited.length;
    double[] residuals = new double[errors.length];
    algebra.addProduct(
        Part.of(errors, rows, columns),
        Part.of(feedback, columns, columns),
        Part.of(residuals, rows, columns));
    double loss = 0;
    for (int i = 0; i < errors.length; i++) {
      int position = i % columns;
      loss += pivots[position] * residuals[i] * residuals[i];
      loss -= addedAt(position) * errors[i] * errors[i];
    }
    return Math.max(0, loss);
  }
}
