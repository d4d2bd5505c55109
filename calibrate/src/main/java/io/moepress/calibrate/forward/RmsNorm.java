package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;

/// Root mean square normalisation over the last axis: `x / √(mean(x²) + ε) · w`.
///
/// Source: Zhang and Sennrich, arXiv:1910.07467, as in transformers' `RMSNorm` classes.
///
/// @param weight `[width]`
/// @param epsilon added to the mean square
record RmsNorm(NDArray weight, float epsilon) {

  RmsNorm {
    weight = TorchScope.shared(weight);
  }

  NDArray apply(NDArray x) {
    NDArray meanSquare = x.square().mean(new int[] {-1}, true);
    return x.div(meanSquare.addi(epsilon).sqrt()).muli(weight);
  }
}
