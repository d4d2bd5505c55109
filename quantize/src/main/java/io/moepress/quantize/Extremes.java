package io.moepress.quantize;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.tensor.DType;

/// The grid reaches just from the smallest weight to the largest; see [IntegerGrid] for the
/// formula.
public record Extremes() implements ScaleChoice {

  @Override
  public Step step(IntegerGrid grid, float[] members, DType scaleType) {
    return grid.step(members, scaleType);
  }
}
