package io.moepress.recipes.plan;

/// Which weights share a width, from none to all.
public enum BitGranularity {
  /// Each matrix for itself, where costs are known of each.
  MATRIX,
  /// The matrices of an expert.
  EXPERT,
  /// In a layer the gate projections of all experts, all up projections, and all down projections:
  /// each of the three is one tensor in GGUF. Where costs are known of whole experts, as [#LAYER].
  PROJECTION,
  /// All experts of a layer, as vLLM, SGLang and transformers want it.
  LAYER,
  /// All experts of the model.
  MODEL;

  /// Whether experts of a layer may differ.
  public boolean tellsExpertsApart() {
    return this == MATRIX || this == EXPERT;
  }
}
