package io.moepress.formats.encoding;

import java.util.Arrays;

/// Finds a step for the scales of one block: `x ≈ step · code`, codes 0 to `highest`, no `x`
/// negative.
///
/// First the inverse step `(highest + t / 10) / largest`, `t = −4 … 4`, of the smallest weighted
/// square error (0 wins ties, then the lower `t`). Then up to five rounds in which each code in
/// turn becomes the best one given the others, if that makes `(Σwxl)² / Σwl²` larger. The step is
/// `Σwxl / Σwl²`. This is ggml's `make_qp_quants`.
final class PositiveSearch {
  private static final int ROUNDS = 5;

  private final float[] values;
  private final float[] weights;
  private final int highest;
  private final int[] codes;
  private float sumProducts;
  private float sumSquares;

  private PositiveSearch(float[] values, float[] weights, int highest, int[] codes) {
    this.values = values;
    this.weights = weights;
    this.highest = highest;
    this.codes = codes;
  }

  /// Returns the step and fills `codes`.
  static float step(float[] values, float[] weights, int highest, int[] codes) {
    return new PositiveSearch(values, weights, highest, codes).run();
  }

  private float run() {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    if (largest < Rounding.SMALLEST) {
      Arrays.fill(codes, 0);
      return 0;
    }
    float inverse = inverse(largest);
    sumProducts = 0;
    sumSquares = 0;
    for (int i = 0; i < values.length; i++) {
      codes[i] = Rounding.nearest(inverse * values[i], 0, highest);
      sumProducts += weights[i] * values[i] * codes[i];
      sumSquares += weights[i] * codes[i] * codes[i];
    }
    int round = 0;
    while (round < ROUNDS && improve()) {
      round++;
    }
    return sumSquares > 0 ? sumProducts / sumSquares : 0;
  }

  private float inverse(float largest) {
    float best = highest / largest;
    float smallest = error(best);
    for (int t = -4; t <= 4; t++) {
      float inverse = (0.1f * t + highest) / largest;
      float error = error(inverse);
      if (t != 0 && error < smallest) {
        smallest = error;
        best = inverse;
      }
    }
    return best;
  }

  private float error(float inverse) {
    float step = 1 / inverse;
    float sum = 0;
    for (int i = 0; i < values.length; i++) {
      float difference = values[i] - step * Rounding.nearest(inverse * values[i], 0, highest);
      sum += weights[i] * difference * difference;
    }
    return sum;
  }

  private boolean improve() {
    boolean changed = false;
    for (int i = 0; i < values.length; i++) {
      float products = sumProducts - weights[i] * values[i] * codes[i];
      float squares = sumSquares - weights[i] * codes[i] * codes[i];
      if (products > 0 && squares > 0) {
        changed |= replace(i, products, squares);
      }
    }
    return changed;
  }

  private boolean replace(int i, float otherProducts, float otherSquares) {
    int code = Rounding.nearest(values[i] * otherSquares / otherProducts, 0, highest);
    float products = otherProducts + weights[i] * values[i] * code;
    float squares = otherSquares + weights[i] * code * code;
    if (code == codes[i]
        || !(products * products * sumSquares > sumProducts * sumProducts * squares)) {
      return false;
    }
    codes[i] = code;
    sumProducts = products;
    sumSquares = squares;
    return true;
  }
}
