package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.io.IOException;

/// The first half of a layer, and the norm its second half begins with.
record AttentionHalf(RmsNorm attentionNorm, Attention attention, RmsNorm feedForwardNorm) {

  static AttentionHalf load(BlockLoader blocks, TorchScope weights, int layer) throws IOException {
    return new AttentionHalf(
        blocks.norm(weights, TensorId.ofLayer(TensorRole.ATTENTION_NORM, layer)),
        blocks.attention(weights, layer),
        blocks.norm(weights, TensorId.ofLayer(TensorRole.FEED_FORWARD_NORM, layer)));
  }

  /// What attention adds to the residual stream of one sequence.
  NDArray attended(TorchScope scope, NDArray hidden) {
    return attention.apply(scope, attentionNorm.apply(hidden));
  }

  /// What the second half of the layer sees.
  ///
  /// @param residual the residual stream behind attention
  NDArray input(NDArray residual) {
    return feedForwardNorm.apply(residual);
  }
}
