package io.moepress.formats.encoding;

/// The weights and importances that the golden bytes were made from: 4 rows of 512, from a linear
/// congruential generator.
final class GoldenRows {
  private static final int WIDTH = 512;

  private GoldenRows() {}

  static WeightRows rows() {
    float[] values = new float[4 * WIDTH];
    long state = 1;
    for (int i = 0; i < values.length; i++) {
      state = next(state);
      float uniform = (state >> 8 & 65535) / 32768f - 1;
      values[i] = uniform * uniform * uniform;
    }
    return WeightRows.of("golden", 0, WIDTH, values);
  }

  static float[] importance() {
    float[] importance = new float[WIDTH];
    long state = 2;
    for (int i = 0; i < WIDTH; i++) {
      state = next(state);
      importance[i] = ((state >> 8 & 255) + 1) / 16f;
    }
    return importance;
  }

  private static long next(long state) {
    return (state * 1_103_515_245L + 12_345) % (1L << 31);
  }
}
