package io.moepress.calibrate.forward;

/// A sum over all tokens of what the linear maps of a layer read, that only the pass itself can
/// form, for nobody keeps the activations.
public enum LinearSum {
  /// `Σ x²`, `[1, in]`.
  SQUARES,
  /// `Σ x·xᵀ`, `[1, in · in]`.
  PRODUCTS
}
