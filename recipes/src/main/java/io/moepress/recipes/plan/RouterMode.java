package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What becomes of the router rows of dropped experts.
public enum RouterMode {
  /// The rows go; the experts that stay are numbered anew.
  SLICE,
  /// All rows and all experts stay where they are; a selection bias of −10⁴ keeps the router from
  /// choosing the dropped ones. The same choice as with [#SLICE], but no memory is saved.
  MASK;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The mode with this [#label()].
  public static Optional<RouterMode> named(String label) {
    return Arrays.stream(values()).filter(mode -> mode.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(RouterMode::label).toList();
  }
}
