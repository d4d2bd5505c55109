package io.moepress.formats.encoding;

import java.util.Arrays;

/// Finds a scale and an offset for each of many runs of weights: `x ≈ scale · code − offset`, codes
/// 0 to `highest`, offset not negative.
///
/// The first try spreads the codes from the smallest (at most 0) to the largest weight. Then, for
/// `t = 0 … steps`: codes with the inverse scale `(first + step · t + highest) / (largest − low)`;
/// for these codes the weighted least-squares scale and offset; taken if the weighted error is
/// smaller. `low` begins as the smallest weight and becomes the offset of each try that is taken.
/// This is ggml's `make_qkx2_quants` and `make_qkx3_quants`, for many runs at once.
final class OffsetSearch {

  /// Which tries are made.
  ///
  /// @param highest code
  /// @param first what the first try adds to `highest`
  /// @param step what each later try adds to that
  /// @param steps tries after the first one
  /// @param absolute whether absolute errors count rather than squared ones
  record Tries(int highest, float first, float step, int steps, boolean absolute) {}

  private final Tries tries;
  private final SubBlocks blocks;
  private final float[][] codes; // [length][LANES]
  private final float[] largest = lanes();
  private final float[] low = lanes();
  private final float[] inverse = lanes();
  private final float[] sumWeights = lanes();
  private final float[] sumValues = lanes();
  private final float[] sumCodes = lanes();
  private final float[] sumSquares = lanes();
  private final float[] sumProducts = lanes();
  private final float[] tryScale = lanes();
  private final float[] tryOffset = lanes();
  private final float[] error = lanes();
  private final float[] scale = lanes();
  private final float[] bestError = lanes();
  private final float[] bestInverse = lanes();
  private final float[] bestLow = lanes();

  OffsetSearch(int length, Tries tries) {
    this.tries = tries;
    this.blocks = new SubBlocks(length);
    this.codes = new float[length][SubBlocks.LANES];
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

  float offset(int run) {
    return -low[run];
  }

  /// Codes of a run, for its scale and offset.
  void codes(int run, int[] target, int first) {
    for (int i = 0; i < blocks.length(); i++) {
      float position = bestInverse[run] * (blocks.values(i)[run] - bestLow[run]);
      target[first + i] = Rounding.nearest(position, 0, tries.highest);
    }
  }

  void run() {
    measure();
    begin();
    for (int t = 0; t <= tries.steps; t++) {
      float reach = tries.first + tries.step * t + tries.highest;
      for (int k = 0, count = blocks.count(); k < count; k++) {
        inverse[k] = reach / (largest[k] - low[k]);
      }
      fitCodes();
      solve();
      sumErrors();
      takeBetter();
    }
  }

  private void measure() {
    Arrays.fill(largest, Float.NEGATIVE_INFINITY);
    Arrays.fill(low, 0);
    Arrays.fill(sumWeights, 0);
    Arrays.fill(sumValues, 0);
    for (int i = 0; i < blocks.length(); i++) {
      extend(blocks.values(i), low, largest);
      add(blocks.values(i), blocks.weights(i));
    }
  }

  private void extend(float[] values, float[] smallest, float[] greatest) {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      smallest[k] = Math.min(smallest[k], values[k]);
      greatest[k] = Math.max(greatest[k], values[k]);
    }
  }

  private void add(float[] values, float[] weights) {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      sumWeights[k] += weights[k];
      sumValues[k] += weights[k] * values[k];
    }
  }

  /// A run of equal weights has scale 0, and an error that nothing is below.
  private void begin() {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float range = largest[k] - low[k];
      inverse[k] = tries.highest / range;
      tryScale[k] = 1 / inverse[k];
      tryOffset[k] = low[k];
    }
    fitCodes();
    sumErrors();
    for (int k = 0, count = blocks.count(); k < count; k++) {
      boolean flat = largest[k] <= low[k];
      bestError[k] = flat ? -1 : error[k];
      bestInverse[k] = flat ? 0 : inverse[k];
      bestLow[k] = low[k];
      scale[k] = flat ? 0 : tryScale[k];
    }
  }

  private void fitCodes() {
    Arrays.fill(sumCodes, 0);
    Arrays.fill(sumSquares, 0);
    Arrays.fill(sumProducts, 0);
    for (int i = 0; i < blocks.length(); i++) {
      encode(blocks.values(i), inverse, low, codes[i]);
      correlate(blocks.values(i), blocks.weights(i), codes[i]);
    }
  }

  private void encode(float[] values, float[] inverses, float[] lows, float[] target) {
    float highest = tries.highest;
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float code = Rounding.nearest(inverses[k] * (values[k] - lows[k]));
      target[k] = Math.max(0f, Math.min(highest, code));
    }
  }

  private void correlate(float[] values, float[] weights, float[] code) {
    float[] ones = sumCodes;
    float[] squares = sumSquares;
    float[] products = sumProducts;
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float weighted = weights[k] * code[k];
      ones[k] += weighted;
      squares[k] += weighted * code[k];
      products[k] += weighted * values[k];
    }
  }

  /// Least squares; a positive offset is not allowed, so then the line goes through zero.
  private void solve() {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float determinant = sumWeights[k] * sumSquares[k] - sumCodes[k] * sumCodes[k];
      if (!(determinant > 0)) {
        tryScale[k] = Float.NaN;
        continue;
      }
      tryScale[k] = (sumWeights[k] * sumProducts[k] - sumValues[k] * sumCodes[k]) / determinant;
      tryOffset[k] = (sumSquares[k] * sumValues[k] - sumCodes[k] * sumProducts[k]) / determinant;
      if (tryOffset[k] > 0) {
        tryOffset[k] = 0;
        tryScale[k] = sumProducts[k] / sumSquares[k];
      }
    }
  }

  private void sumErrors() {
    Arrays.fill(error, 0);
    for (int i = 0; i < blocks.length(); i++) {
      if (tries.absolute) {
        addAbsolute(blocks.values(i), blocks.weights(i), codes[i]);
      } else {
        addSquared(blocks.values(i), blocks.weights(i), codes[i]);
      }
    }
  }

  private void addAbsolute(float[] values, float[] weights, float[] code) {
    float[] scales = tryScale;
    float[] offsets = tryOffset;
    float[] sum = error;
    for (int k = 0, count = blocks.count(); k < count; k++) {
      sum[k] += weights[k] * Math.abs(scales[k] * code[k] + offsets[k] - values[k]);
    }
  }

  private void addSquared(float[] values, float[] weights, float[] code) {
    float[] scales = tryScale;
    float[] offsets = tryOffset;
    float[] sum = error;
    for (int k = 0, count = blocks.count(); k < count; k++) {
      float difference = scales[k] * code[k] + offsets[k] - values[k];
      sum[k] += weights[k] * (difference * difference);
    }
  }

  /// An error that is no number (no solution) is not below any.
  private void takeBetter() {
    for (int k = 0, count = blocks.count(); k < count; k++) {
      if (error[k] < bestError[k]) {
        bestError[k] = error[k];
        bestInverse[k] = inverse[k];
        bestLow[k] = low[k];
        scale[k] = tryScale[k];
        low[k] = tryOffset[k];
      }
    }
  }
}
