package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How a budget is spread over the layers.
public enum AllocationMode {
  /// Every layer keeps its own share.
  UNIFORM,
  /// One threshold over the scores of all layers: as many experts stay in all, but a layer whose
  /// experts score high keeps more of them.
  GLOBAL;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The mode with this [#label()].
  public static Optional<AllocationMode> named(String label) {
    return Arrays.stream(values()).filter(mode -> mode.label().equals(label)).findFirst();
  }

  /// All labels.
  public static List<String> labels() {
    return Arrays.stream(values()).map(AllocationMode::label).toList();
  }
}
