package io.moepress.quantize;

import io.moepress.formats.integer.IntegerMatrix;
import java.util.Arrays;

/// Rounds every weight to the nearest value of its grid. With [Extremes] it is what
/// [RoundToNearest] asks for.
///
/// @param scales how scales follow from weights
public record NearestRounding(ScaleChoice scales) {

  /// Rounds a matrix.
  ///
  /// @param weights finite, `[rows, columns]`, row-major
  /// @throws io.moepress.formats.FormatException when a weight is not finite
  public IntegerMatrix encode(float[] weights, int rows, StoredGrid stored) {
    return IntegerMatrix.encode(
        weights,
        rows,
        stored.grid(),
        stored.sharing(),
        (all, first, end) ->
            scales.step(stored.grid(), Arrays.copyOfRange(all, first, end), stored.scaleType()));
  }
}
