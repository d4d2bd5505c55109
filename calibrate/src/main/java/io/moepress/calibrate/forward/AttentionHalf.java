package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.LinearInput;
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
  ///
  /// @param tap sees what linear maps read
  NDArray attended(TorchScope scope, NDArray hidden, LinearTap tap) {
    NDArray normed = attentionNorm.apply(hidden);
    tap.see(LinearInput.ATTENTION, normed);
    return attention.apply(scope, normed, tap);
  }

  /// What the second half of the layer sees.
  ///
  /// @param residual the residual stream behind attention
  /// @param tap sees what linear maps read
  NDArray input(NDArray residual, LinearTap tap) {
    NDArray input = feedForwardNorm.apply(residual);
    tap.see(LinearInput.FEED_FORWARD, input);
    return input;
  }
}
