package io.moepress.recipes.linear;

import io.moepress.formats.Checks;
import io.moepress.recipes.linear.LinearAlgebra.Part;
import java.util.Arrays;

/// Adds up `Σ g · x·xᵀ` over the inputs `x` of a linear layer, in float64, with a weight `g` for
/// each token or 1. What weights mean is for the caller to say: 1 is plain GPTQ, the gate is
/// MoEQuant's AGQ (arXiv:2505.03804).
///
/// Two sums over different tokens add to that over all, to rounding. A constant factor of all
/// weights changes nothing in what GPTQ makes of the sum, but for columns that no token reaches.
///
/// Mutable, for one thread.
public final class HessianSum {
  /// Tokens of one product.
  private static final int TOKENS = 256;

  /// Columns of one product: only what is not above the diagonal is worth calculating.
  private static final int PANEL = 256;

  private final int columns;
  private final LinearAlgebra algebra;
  private final double[] sum; // [columns, columns], what is above the diagonal is made on reading
  private long tokens;
  private double weight;

  /// Begins with nothing.
  public HessianSum(int columns, LinearAlgebra algebra) {
    Checks.require(columns > 0, "a Hessian of %d columns", columns);
    this.columns = columns;
    this.algebra = algebra;
    this.sum = new double[Math.multiplyExact(columns, columns)];
  }

  /// Number of tokens so far.
  public long tokens() {
    return tokens;
  }

  /// Sum of their weights.
  public double weight() {
    return weight;
  }

  /// Adds tokens of weight 1.
  ///
  /// @param inputs finite, `[tokens, columns]`, row-major
  /// @throws io.moepress.formats.FormatException when an input is not finite
  public void add(float[] inputs) {
    double[] ones = new double[inputs.length / columns];
    Arrays.fill(ones, 1);
    add(inputs, ones);
  }

  /// Adds tokens.
  ///
  /// @param inputs finite, `[tokens, columns]`, row-major
  /// @param weights at least 0, one for each token
  /// @throws io.moepress.formats.FormatException when an input is not finite
  public void add(float[] inputs, double[] weights) {
    Checks.require(
        inputs.length == Math.multiplyExact(weights.length, columns),
        "Hessian: %d inputs of %d tokens (expected %d for each)",
        inputs.length,
        weights.length,
        columns);
    for (int token = 0; token < weights.length; token++) {
      Checks.require(
          weights[token] >= 0 && Double.isFinite(weights[token]),
          "Hessian: weight %s of token %d (expected at least 0)",
          weights[token],
          token);
    }
    for (int first = 0; first < weights.length; first += TOKENS) {
      addSome(inputs, weights, first, Math.min(TOKENS, weights.length - first));
    }
    tokens += weights.length;
    for (double each : weights) {
      weight += each;
    }
  }

  private void addSome(float[] inputs, double[] weights, int first, int count) {
    double[] plain = new double[count * columns];
    double[] weighted = new double[count * columns];
    for (int i = 0; i < plain.length; i++) {
      float input = inputs[first * columns + i];
      Checks.requireFormat(
          Float.isFinite(input),
          "Hessian: input %d of token %d: %s (expected a finite number)",
          i % columns,
          first + i / columns,
          input);
      plain[i] = input;
      weighted[i] = weights[first + i / columns] * input;
    }
    for (int start = 0; start < columns; start += PANEL) {
      int width = Math.min(PANEL, columns - start);
      int below = columns - start; // rows from the diagonal on
      algebra.addTransposedProduct(
          new Part(plain, start, count, below, columns),
          new Part(weighted, start, count, width, columns),
          new Part(sum, start * columns + start, below, width, columns));
    }
  }

  /// Adds another sum.
  public void add(HessianSum other) {
    Checks.require(
        other.columns == columns,
        "Hessian: sums of %d and of %d columns do not add",
        columns,
        other.columns);
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other.sum[i];
    }
    tokens += other.tokens;
    weight += other.weight;
  }

  /// The sum so far, `[columns, columns]`, symmetric; not copied.
  public double[] hessian() {
    for (int row = 0; row < columns; row++) {
      for (int column = row + 1; column < columns; column++) {
        sum[row * columns + column] = sum[column * columns + row];
      }
    }
    return sum;
  }
}
