package io.moepress.formats.encoding;

/// Up to [#LANES] short runs of weights side by side, so that one plain loop works on the same
/// weight of all of them. Weight `i` of run `k` is `values[i][k]`. All arrays of such a loop are
/// indexed alike, which is what lets the compiler turn it into vector instructions.
final class SubBlocks {
  static final int LANES = 256;

  private final float[][] values; // [length][LANES]
  private final float[][] weights; // [length][LANES]
  private int count;

  SubBlocks(int length) {
    values = new float[length][LANES];
    weights = new float[length][LANES];
  }

  /// Weights in a run.
  int length() {
    return values.length;
  }

  /// Runs held.
  int count() {
    return count;
  }

  /// Weight `i` of all runs; not copied.
  float[] values(int i) {
    return values[i];
  }

  /// How much an error in weight `i` of each run counts; not copied.
  float[] weights(int i) {
    return weights[i];
  }

  void clear() {
    count = 0;
  }

  /// Adds the run that begins at `first`.
  void add(float[] source, int first, float[] sourceWeights) {
    for (int i = 0; i < values.length; i++) {
      values[i][count] = source[first + i];
      weights[i][count] = sourceWeights[i];
    }
    count++;
  }
}
