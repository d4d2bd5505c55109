package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;

/// The attention block of a layer, with its weights.
sealed interface Attention permits GroupedQueryAttention, LatentAttention {

  /// Maps one sequence, `[tokens, hidden]`, to `[tokens, hidden]`.
  NDArray apply(TorchScope scope, NDArray x);
}
