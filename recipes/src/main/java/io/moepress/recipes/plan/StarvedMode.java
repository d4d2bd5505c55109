package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What becomes of the weights of experts that no calibration token reached.
public enum StarvedMode {
  /// They stay as they are.
  SKIP,
  /// Their smallest weights become zero, as if all their inputs had been alike.
  MAGNITUDE;

  /// As in a recipe: `skip`.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The mode with this label.
  public static Optional<StarvedMode> named(String label) {
    return Arrays.stream(values()).filter(mode -> mode.label().equals(label)).findFirst();
  }

  /// All labels.
  public static List<String> labels() {
    return Arrays.stream(values()).map(StarvedMode::label).toList();
  }
}
