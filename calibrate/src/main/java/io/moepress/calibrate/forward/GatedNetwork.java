package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import io.moepress.formats.architecture.LinearInput;

/// A gated feed-forward network, `down(a(gate(x)) * up(x))`: an expert, or a dense layer's network.
///
/// @param activation the function `a`
/// @param gate `[hidden, width]`
/// @param up `[hidden, width]`
/// @param down `[width, hidden]`
record GatedNetwork(
    io.moepress.formats.architecture.Architecture.Activation activation,
    Linear gate,
    Linear up,
    Linear down) {

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
    NDArray activated =
        switch (activation) {
          case SILU -> gated.mul(Activation.sigmoid(gated));
        };
    return activated.muli(up.apply(x));
  }
}
