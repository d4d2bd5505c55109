package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What becomes of experts that too few calibration tokens reached to say how they are best
/// quantised.
public enum StarvedCodes {
  /// Their weights are rounded to the nearest.
  ROUND_TO_NEAREST,
  /// Nothing is quantised.
  FAIL;

  /// As in a recipe: `round-to-nearest`.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The mode with this label.
  public static Optional<StarvedCodes> named(String label) {
    return Arrays.stream(values()).filter(mode -> mode.label().equals(label)).findFirst();
  }

  /// All labels.
  public static List<String> labels() {
    return Arrays.stream(values()).map(StarvedCodes::label).toList();
  }
}
