package io.moepress.recipes.evidence;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How parameters follow their gradients.
public enum OptimiserKind {
  /// Adam, with decay rates 0.9 and 0.999 and ε = 10⁻⁸.
  ADAM,
  /// Plain gradient descent. A layer's `Σ α` stays what it was.
  SGD;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The optimiser with this [#label()].
  public static Optional<OptimiserKind> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(OptimiserKind::label).toList();
  }
}
