package io.moepress.recipes.lowering;

import io.moepress.formats.tensor.TensorInfo;

/// A tensor of the result, known completely before any data is read.
///
/// @param info name, type and shape
/// @param program how its bytes come about
public record OutputTensor(TensorInfo info, TensorProgram program) {}
