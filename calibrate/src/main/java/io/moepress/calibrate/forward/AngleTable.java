package io.moepress.calibrate.forward;

/// Cosines and sines of the rotary angles, by position. Texts share them: the table grows to the
/// longest that asks.
final class AngleTable {
  private final RotaryFrequencies frequencies;
  private Values values = new Values(new float[0], new float[0]);

  AngleTable(RotaryFrequencies frequencies) {
    this.frequencies = frequencies;
  }

  /// Cosines and sines, each `[positions, d/2]`, row-major, of at least the positions asked for.
  record Values(float[] cosines, float[] sines) {}

  /// The angles of positions 0 to `positions - 1` at least.
  synchronized Values upTo(int positions) {
    int wanted = Math.multiplyExact(positions, frequencies.inverse().length);
    if (values.cosines().length < wanted) {
      values = tabulate(positions);
    }
    return values;
  }

  private Values tabulate(int positions) {
    double[] inverse = frequencies.inverse();
    float[] cosines = new float[positions * inverse.length];
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
    return new Values(cosines, sines);
  }
}
