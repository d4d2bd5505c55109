package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

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

  /// As in a recipe: `layer`.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The granularity with this label.
  public static Optional<BitGranularity> named(String label) {
    return Arrays.stream(values()).filter(each -> each.label().equals(label)).findFirst();
  }

  /// All labels.
  public static List<String> labels() {
    return Arrays.stream(values()).map(BitGranularity::label).toList();
  }

  /// Whether experts of a layer may differ.
  public boolean tellsExpertsApart() {
    return this == MATRIX || this == EXPERT;
  }
}
