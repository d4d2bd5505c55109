package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import io.moepress.formats.architecture.LinearInput;
import org.jspecify.annotations.Nullable;

/// An expert that every token uses: `f(x)`, or `σ(w · x) · f(x)` where it has a gate of its own.
///
/// @param network the expert
/// @param router `[hidden, 1]`; null where its output is added as it is
record SharedExpert(GatedNetwork network, @Nullable Linear router) {

  /// Maps `[tokens, hidden]` to `[tokens, hidden]`.
  NDArray apply(NDArray x, LinearTap tap) {
    NDArray output = network.apply(x, LinearInput.SHARED_DOWN, tap);
    return router == null ? output : output.muli(Activation.sigmoid(router.apply(x)));
  }
}
