package io.moepress.recipes.plan;

/// A decision about the experts of one layer. A plan has at most one for each layer.
public sealed interface ExpertStep extends PlanStep permits KeepExperts, MergeExperts {

  /// Decoder layer index.
  int layer();

  /// Name of the method that decided.
  String method();

  /// Number of experts the layer has before this step.
  int experts();

  /// Number of experts the layer has afterwards.
  int left();
}
