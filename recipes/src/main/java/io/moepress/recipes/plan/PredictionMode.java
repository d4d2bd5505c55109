package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What becomes of layers for multi-token prediction when experts are dropped.
public enum PredictionMode {
  /// They are dropped.
  DROP,
  /// They keep the experts that the last layer with experts keeps.
  PRUNE;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The mode with this [#label()].
  public static Optional<PredictionMode> named(String label) {
    return Arrays.stream(values()).filter(mode -> mode.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(PredictionMode::label).toList();
  }
}
