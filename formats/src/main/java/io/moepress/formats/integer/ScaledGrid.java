package io.moepress.formats.integer;

import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;

/// Grids for the groups of a matrix.
///
/// @param grid the grid
/// @param sharing which elements share a scale
/// @param scaleType what scales are stored as: F32, F16 or BF16
public record ScaledGrid(IntegerGrid grid, Sharing sharing, DType scaleType) {}
