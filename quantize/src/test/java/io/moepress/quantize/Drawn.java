package io.moepress.quantize;

import io.moepress.recipes.linear.HessianSum;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.PlainAlgebra;
import java.util.SplittableRandom;

/// Weights and inputs by lot.
final class Drawn {
  static final LinearAlgebra ALGEBRA = new PlainAlgebra();

  private static final int SHARED = 4;

  private Drawn() {}

  static float[] weights(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] weights = new float[count];
    for (int i = 0; i < count; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    return weights;
  }

  /// Inputs that have a few directions in common, and columns of different size, as those of a
  /// trained layer do: `[tokens, columns]`.
  static float[] inputs(int tokens, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] sizes = new double[columns];
    double[] directions = new double[SHARED * columns];
    for (int column = 0; column < columns; column++) {
      sizes[column] = Math.exp(random.nextGaussian());
    }
    for (int i = 0; i < directions.length; i++) {
      directions[i] = random.nextGaussian();
    }
    float[] inputs = new float[tokens * columns];
    for (int token = 0; token < tokens; token++) {
      double[] shares = random.doubles(SHARED, -2, 2).toArray();
      for (int column = 0; column < columns; column++) {
        double sum = random.nextGaussian();
        for (int i = 0; i < SHARED; i++) {
          sum += shares[i] * directions[i * columns + column];
        }
        inputs[token * columns + column] = (float) (sizes[column] * sum);
      }
    }
    return inputs;
  }

  static double[] hessian(int columns, long seed) {
    return hessian(inputs(4 * columns, columns, seed), columns);
  }

  static double[] hessian(float[] inputs, int columns) {
    HessianSum sum = new HessianSum(columns, ALGEBRA);
    sum.add(inputs);
    return sum.hessian();
  }

  /// `factor · I`.
  static double[] diagonal(int columns, double factor) {
    double[] matrix = new double[columns * columns];
    for (int i = 0; i < columns; i++) {
      matrix[i * columns + i] = factor;
    }
    return matrix;
  }

  /// The loss as it is defined.
  static double loss(float[] weights, float[] rounded, double[] hessian, int columns) {
    double loss = 0;
    for (int row = 0; row < weights.length; row += columns) {
      for (int i = 0; i < columns; i++) {
        double left = (double) weights[row + i] - rounded[row + i];
        for (int j = 0; j < columns; j++) {
          double right = (double) weights[row + j] - rounded[row + j];
          loss += left * hessian[i * columns + j] * right;
        }
      }
    }
    return loss;
  }
}
