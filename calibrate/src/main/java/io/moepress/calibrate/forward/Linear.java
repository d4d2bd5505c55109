package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import org.jspecify.annotations.Nullable;

/// A linear map `y = x Wᵀ + b`.
///
/// @param transposed the weight `[out, in]` as a view of shape `[in, out]`
/// @param bias `[out]`, or null
record Linear(NDArray transposed, @Nullable NDArray bias) {

  Linear {
    transposed = TorchScope.shared(transposed);
    bias = bias == null ? null : TorchScope.shared(bias);
  }

  /// Maps `x` of shape `[tokens, in]` to `[tokens, out]`.
  NDArray apply(NDArray x) {
    NDArray y = x.matMul(transposed);
    return bias == null ? y : y.addi(bias);
  }
}
