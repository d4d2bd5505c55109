package io.moepress.quantize;

import io.moepress.formats.integer.IntegerGrid;

/// Rounding as checkpoints store it: numbers become floats, scales have their stored type.
///
/// @param stored grid and type of scales
/// @param scales how scales follow from numbers
record GridRounding(StoredGrid stored, ScaleChoice scales) implements Rounding {

  @Override
  public Step step(double[] numbers, int from, int to) {
    float[] members = new float[to - from];
    for (int i = 0; i < members.length; i++) {
      members[i] = (float) numbers[from + i];
    }
    IntegerGrid.Step step = scales.step(stored.grid(), members, stored.scaleType());
    return new Step(step.scale(), step.zeroPoint());
  }

  @Override
  public int code(double number, Step step) {
    return stored.grid().code((float) number, stored(step));
  }

  @Override
  public double value(int code, Step step) {
    return stored.grid().value(code, stored(step));
  }

  /// Loses nothing: the scale has been a float.
  private static IntegerGrid.Step stored(Step step) {
    return new IntegerGrid.Step((float) step.scale(), step.zeroPoint());
  }
}
