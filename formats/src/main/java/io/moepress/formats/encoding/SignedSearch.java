package io.moepress.formats.encoding;

import java.util.Arrays;

/// Finds a scale for each of many runs of weights: `x ≈ scale · code`, codes `−highest` to `highest
/// − 1`.
///
/// The code `−highest` first falls on the weight of largest magnitude, whatever its sign, then on a
/// little more or less of it: inverse scale `−(highest + t / 10) / largest` for `t = −9 … 9`. The
/// scale for the codes of a try is that of weighted least squares, `Σwxl / Σwl²`, and the try is
/// taken if `(Σwxl)² / Σwl²` is larger. This is ggml's `make_qx_quants`, for many runs at once.
final class SignedSearch {
  private final int highest;
  private final SubBlocks blocks;
  private final float[] code = lanes();
  private final float[] largest = lanes();
  private final float[] magnitude = lanes();
  private final float[] inverse = lanes();
  private final float[] sumProducts = lanes();
  private final float[] sumSquares = lanes();
  private final float[] scale = lanes();
  private final float[] best = lanes();
  private final float[] bestInverse = lanes();

  SignedSearch(int length, int highest) {
    this.highest = highest;
    this.blocks = new SubBlocks(length);
  }

  private static float[] lanes() {
    return new float[SubBlocks.LANES];
  }

  /// What is searched; to be filled before [#run()].
  SubBlocks blocks() {
    return blocks;
  }

  float scale(int run) {
    return scale[run];
  }

  /// Codes of a run for its scale, plus `highest`; all 0 for a run of zeros.
  void codes(int run, int[] target, int first) {
    for (int i = 0; i < blocks.length(); i++) {
      int found = Rounding.nearest(bestInverse[run] * blocks.values(i)[run], -highest, highest - 1);
      target[first + i] = isZero(run) ? 0 : found + highest;
    }
  }

  private boolean isZero(int run) {
    return magnitude[run] < Rounding.SMALLEST;
  }

  void run() {
    measure();
    attempt(0);
    for (int k = 0, count = blocks.count(); k < count; k++) {
      scale[k] = sumSquares[k] > 0 ? sumProducts[k] / sumSquares[k] : 0;
      best[k] = scale[k] * sumProducts[k];
      bestInverse[k] = inverse[k];
    }
    for (int t = -9; t <= 9; t++) {
      if (t != 0) {
        attempt(t);
        takeBetter();
      }
    }
    for (int k = 0, count = blocks.count(); k < count; k++) {
      scale[k] = isZero(k) ? 0 : scale[k];
    }
  }

  private void measure() {
    Arrays.fill(largest, 0);
    Arrays.fill(magnitude, 0);
    for (int i = 0; i < blocks.length(); i++) {
      float[] values = blocks.values(i);
      for (int k = 0, count = blocks.count(); k < count; k++) {
        if (Math.abs(values[k]) > magnitude[k]) {
          magnitude[k] = Math.abs(values[k]);
          largest[k] = values[k];
        }
      }
    }
  }

  private void attempt(int t) {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      inverse[k] = isZero(k) ? 0 : -(highest + 0.1f * t) / largest[k];
    }
    Arrays.fill(sumProducts, 0);
    Arrays.fill(sumSquares, 0);
    for (int i = 0; i < blocks.length(); i++) {
      encode(blocks.values(i), inverse, code);
      correlate(blocks.values(i), blocks.weights(i), sumProducts, sumSquares);
    }
  }

  private void encode(float[] values, float[] inverses, float[] target) {
    float lowest = -highest;
    float greatest = highest - 1;
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float nearest = Rounding.nearest(inverses[k] * values[k]);
      target[k] = Math.max(lowest, Math.min(greatest, nearest));
    }
  }

  private void correlate(float[] values, float[] weights, float[] products, float[] squares) {
    float[] codes = code;
    for (int k = 0, count = blocks.count(); k < count; k++) {
      products[k] += weights[k] * values[k] * codes[k];
      squares[k] += weights[k] * codes[k] * codes[k];
    }
  }

  private void takeBetter() {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float products = sumProducts[k];
      if (sumSquares[k] > 0 && products * products > best[k] * sumSquares[k]) {
        scale[k] = products / sumSquares[k];
        best[k] = scale[k] * products;
        bestInverse[k] = inverse[k];
      }
    }
  }
}
