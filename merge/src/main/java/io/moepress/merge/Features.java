package io.moepress.merge;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// By what experts are compared.
public enum Features {
  /// Their mean outputs over all tokens of the reservoir.
  OUTPUTS,
  /// All their weights.
  WEIGHTS,
  /// What the router says of them, over all tokens.
  ROUTER_LOGITS;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The features with this [#label()].
  public static Optional<Features> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(Features::label).toList();
  }
}
