package io.moepress.calibrate.forward;

/// A sum over the tokens routed to an expert, element by element, that only the pass itself can
/// form, for nobody keeps the activations.
public enum ExpertSum {
  /// `Σ f_j(x)`, `[H]`: the outputs before their routing weight.
  OUTPUTS,
  /// `Σ x²`, `[H]`.
  INPUT_SQUARES,
  /// `Σ a_j(x)²`, `[I]`: what the down projection sees.
  INTERMEDIATE_SQUARES,
  /// `Σ g_j(x)² x²`, `[H]`.
  GATED_INPUT_SQUARES,
  /// `Σ g_j(x)² a_j(x)²`, `[I]`.
  GATED_INTERMEDIATE_SQUARES
}
