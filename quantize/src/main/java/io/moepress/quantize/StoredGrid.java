package io.moepress.quantize;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;

/// How a matrix is to be stored as integers.
///
/// @param grid the grid
/// @param sharing which elements share a scale
/// @param scaleType what scales are stored as: F32, F16 or BF16
public record StoredGrid(IntegerGrid grid, Sharing sharing, DType scaleType) {

  /// That of a scheme.
  public static StoredGrid of(IntegerScheme scheme, DType scaleType) {
    return new StoredGrid(scheme.grid(), scheme.sharing(), scaleType);
  }
}
