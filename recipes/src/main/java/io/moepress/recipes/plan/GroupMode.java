package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What becomes of the groups of a router that lets a token choose from some groups only.
public enum GroupMode {
  /// They stay, and equally many experts of each.
  KEEP,
  /// They are made one: any experts may go, and a token may choose any that stay.
  NONE;

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The mode with this [#label()].
  public static Optional<GroupMode> named(String label) {
    return Arrays.stream(values()).filter(mode -> mode.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(GroupMode::label).toList();
  }
}
