package io.moepress.quantize;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.tensor.DType;

/// How the scale of weights that share one follows from them.
public sealed interface ScaleChoice permits Extremes, ScaleSearch {

  /// Scale and zero point.
  ///
  /// @param members weights that share a scale
  /// @param scaleType what the scale is stored as
  /// @throws io.moepress.formats.FormatException when a weight is not finite
  Step step(IntegerGrid grid, float[] members, DType scaleType);
}
