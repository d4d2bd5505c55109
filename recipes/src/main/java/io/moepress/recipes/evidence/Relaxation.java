package io.moepress.recipes.evidence;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How a layer's experts stand side by side while scores are learned, so that each counts more or
/// less and none is in or out.
///
/// With `ā = softmax(α)` over the `N` experts of a layer, the layer's `β`, experts `f_i` and the
/// router's choice and weights `g_i`:
public enum Relaxation {
  /// `y = β Σ_i ā_i · f_i(x)`: all experts, whatever the router says; the mean of all at first.
  DENSE,
  /// `y = β Σ_{i chosen} g_i · N ā_i · f_i(x)`: with `α = 0`, `β = 1` the original model. Costs the
  /// chosen experts.
  ROUTER;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The relaxation with this [#label()].
  public static Optional<Relaxation> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(Relaxation::label).toList();
  }
}
