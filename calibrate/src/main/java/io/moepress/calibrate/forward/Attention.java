package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;

/// The attention block of a layer, with its weights.
sealed interface Attention permits GroupedQueryAttention, LatentAttention {

  /// Maps one sequence, `[tokens, hidden]`, to `[tokens, hidden]`.
  ///
  /// @param tap sees what linear maps read, `x` left out
  NDArray apply(TorchScope scope, NDArray x, LinearTap tap);
}
