package io.moepress.calibrate.forward;

import static ai.djl.nn.Activation.sigmoid;

import ai.djl.ndarray.NDArray;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.LinearInput;

/// A gated feed-forward network: an expert, or a dense layer's network. See [Activation] for the
/// formulas.
///
/// @param gating how gate and up projection are joined
/// @param gate `[hidden, width]`
/// @param up `[hidden, width]`
/// @param down `[width, hidden]`
record GatedNetwork(Gating gating, Linear gate, Linear up, Linear down) {

  /// Maps `[tokens, hidden]` to `[tokens, hidden]`, and shows what the down projection sees.
  NDArray apply(NDArray x, LinearInput downInput, LinearTap tap) {
    NDArray intermediate = intermediate(x);
    tap.see(downInput, intermediate);
    return down.apply(intermediate);
  }

  /// Maps `[tokens, hidden]` to `[tokens, hidden]`.
  NDArray apply(NDArray x) {
    return down.apply(intermediate(x));
  }

  /// What the down projection sees, `[tokens, width]`.
  NDArray intermediate(NDArray x) {
    NDArray gated = gate.apply(x);
    return switch (gating.activation()) {
      case SILU -> gated.mul(sigmoid(gated)).muli(up.apply(x));
      case CLAMPED_SILU -> {
        float limit = gating.limit();
        NDArray bounded = gated.minimum(limit);
        NDArray activated = bounded.muli(sigmoid(bounded.mul(gating.slope())));
        yield activated.muli(up.apply(x).clip(-limit, limit).addi(1));
      }
    };
  }
}
