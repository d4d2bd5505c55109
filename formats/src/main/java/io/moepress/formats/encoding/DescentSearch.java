package io.moepress.formats.encoding;

/// Finds a scale for 16 weights: `x ≈ scale · code`, codes −4 to 3, an error counts `x²`.
///
/// The codes begin as those of the inverse scale `−4 / largest`. In up to five rounds each code in
/// turn becomes the best one given the others, if that makes `(Σwxl)² / Σwl²` larger. The scale is
/// `Σwxl / Σwl²`. This is ggml's `make_q3_quants`.
final class DescentSearch {
  static final int LENGTH = 16;

  private static final int LOWEST = -4;
  private static final int HIGHEST = 3;
  private static final int ROUNDS = 5;

  private final int[] codes = new int[LENGTH];
  private float sumProducts;
  private float sumSquares;

  /// Returns the scale for the weights from `first` on, and puts codes plus 4 (0 where all weights
  /// are zero) into `target`.
  float scale(float[] values, int first, int[] target, int at) {
    float largest = Rounding.largest(values, first, LENGTH);
    if (Math.abs(largest) < Rounding.SMALLEST) {
      for (int i = 0; i < LENGTH; i++) {
        target[at + i] = 0;
      }
      return 0;
    }
    begin(values, first, LOWEST / largest);
    int round = 0;
    while (round < ROUNDS && improve(values, first)) {
      round++;
    }
    for (int i = 0; i < LENGTH; i++) {
      target[at + i] = codes[i] - LOWEST;
    }
    return sumSquares > 0 ? sumProducts / sumSquares : 0;
  }

  private void begin(float[] values, int first, float inverse) {
    sumProducts = 0;
    sumSquares = 0;
    for (int i = 0; i < LENGTH; i++) {
      float x = values[first + i];
      float weight = x * x;
      codes[i] = Rounding.nearest(inverse * x, LOWEST, HIGHEST);
      sumProducts += weight * x * codes[i];
      sumSquares += weight * codes[i] * codes[i];
    }
  }

  private boolean improve(float[] values, int first) {
    boolean changed = false;
    for (int i = 0; i < LENGTH; i++) {
      float x = values[first + i];
      float weight = x * x;
      float products = sumProducts - weight * x * codes[i];
      if (products > 0) {
        float squares = sumSquares - weight * codes[i] * codes[i];
        changed |= replace(i, x, products, squares);
      }
    }
    return changed;
  }

  private boolean replace(int i, float x, float otherProducts, float otherSquares) {
    int code = Rounding.nearest(x * otherSquares / otherProducts, LOWEST, HIGHEST);
    float products = otherProducts + x * x * x * code;
    float squares = otherSquares + x * x * code * code;
    if (code == codes[i]
        || !(squares > 0)
        || !(products * products * sumSquares > sumProducts * sumProducts * squares)) {
      return false;
    }
    codes[i] = code;
    sumProducts = products;
    sumSquares = squares;
    return true;
  }
}
