package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.formats.architecture.LinearInput;

/// Sees what linear maps read while a sequence goes by.
@FunctionalInterface
interface LinearTap {
  /// Looks away.
  LinearTap NONE = (input, x) -> {};

  /// Looks at one vector for each token.
  ///
  /// @param x `[tokens, in]`; not kept
  void see(LinearInput input, NDArray x);
}
