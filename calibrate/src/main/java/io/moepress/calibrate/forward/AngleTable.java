package io.moepress.calibrate.forward;

import java.util.Arrays;

/// Cosines and sines of the rotary angles, by position. Texts share them: the table grows to the
/// longest that asks. Where frequencies depend on the length of a text, it is the last text's.
final class AngleTable {
  private final RotaryFrequencies frequencies;
  private Values values;

  AngleTable(RotaryFrequencies frequencies) {
    this.frequencies = frequencies;
    this.values = new Values(frequencies.inverse(), new float[0], new float[0]);
  }

  /// Cosines and sines, each `[positions, d/2]`, row-major, of at least the positions asked for.
  ///
  /// @param inverse the frequencies they are of, `[d/2]`
  record Values(double[] inverse, float[] cosines, float[] sines) {
    /// Pairs of elements that are turned, `d/2`.
    int pairs() {
      return inverse.length;
    }

    private boolean hold(double[] wanted, int positions) {
      return Math.multiplyExact(positions, wanted.length) <= cosines.length
          && Arrays.equals(inverse, wanted);
    }
  }

  /// The angles of positions 0 to `positions - 1` at least, for a text of that length.
  synchronized Values upTo(int positions) {
    double[] inverse = frequencies.inverse(positions);
    if (!values.hold(inverse, positions)) {
      values = tabulate(inverse, positions);
    }
    return values;
  }

  private Values tabulate(double[] inverse, int positions) {
    float[] cosines = new float[Math.multiplyExact(positions, inverse.length)];
    float[] sines = new float[cosines.length];
    for (int position = 0; position < positions; position++) {
      for (int i = 0; i < inverse.length; i++) {
        // The reference implementations keep frequencies and angles in float32.
        float angle = position * (float) inverse[i];
        int index = position * inverse.length + i;
        cosines[index] = (float) (Math.cos(angle) * frequencies.magnitude());
        sines[index] = (float) (Math.sin(angle) * frequencies.magnitude());
      }
    }
    return new Values(inverse, cosines, sines);
  }
}
