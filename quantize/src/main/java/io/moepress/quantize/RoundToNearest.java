package io.moepress.quantize;

import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;

/// Rounds every weight to the nearest value of its grid. Looks at nothing but the weights.
///
/// @param scales how scales follow from weights
public record RoundToNearest(ScaleChoice scales) {

  /// Rounds a matrix.
  ///
  /// @param weights finite, `[rows, columns]`, row-major
  /// @throws io.moepress.formats.FormatException when a weight is not finite
  public IntegerMatrix encode(float[] weights, int rows, IntegerScheme scheme) {
    return IntegerMatrix.encode(
        weights,
        rows,
        scheme.grid(),
        scheme.sharing(),
        members -> scales.step(scheme.grid(), members, scheme.scaleType()));
  }
}
