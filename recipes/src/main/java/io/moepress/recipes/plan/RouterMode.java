package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// What becomes of the router rows of dropped experts.
public enum RouterMode {
  /// The rows go; the experts that stay are numbered anew.
  SLICE("slice"),
  /// All rows and all experts stay where they are; a selection bias of −10⁴ keeps the router from
  /// choosing the dropped ones. The same choice as with [#SLICE], but no memory is saved.
  MASK("mask");

  private final String label;

  RouterMode(String label) {
    this.label = label;
  }

  /// The name in recipes.
  public String label() {
    return label;
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
