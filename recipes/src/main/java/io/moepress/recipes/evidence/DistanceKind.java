package io.moepress.recipes.evidence;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What the distance from the original model is taken between, a matrix for each text.
public enum DistanceKind {
  /// Last hidden states behind the final norm, `[tokens, hidden]`.
  HIDDEN,
  /// Logits, `[tokens, vocabulary]`.
  LOGITS;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The kind with this [#label()].
  public static Optional<DistanceKind> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(DistanceKind::label).toList();
  }
}
