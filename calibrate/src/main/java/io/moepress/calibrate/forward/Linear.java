package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/// A linear map `y = x Wᵀ + b`.
///
/// @param transposed the weight `[out, in]` as a view of shape `[in, out]`
/// @param bias `[out]`, or null
record Linear(NDArray transposed, @Nullable NDArray bias) {

  /// Maps `x` of shape `[tokens, in]` to `[tokens, out]`.
  NDArray apply(NDArray x) {
    NDArray y = x.matMul(transposed);
    return bias == null ? y : y.addi(bias);
  }
}
