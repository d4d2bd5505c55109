package io.moepress.formats.integer;

import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;

/// How a matrix is to be stored as integers.
///
/// @param grid the grid
/// @param sharing which elements share a scale
/// @param scaleType what scales are stored as: F32, F16 or BF16
public record IntegerScheme(IntegerGrid grid, Sharing sharing, DType scaleType) {}
