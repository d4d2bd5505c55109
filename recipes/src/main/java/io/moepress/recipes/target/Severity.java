package io.moepress.recipes.target;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/// How much a broken [Rule] matters.
public enum Severity {
  /// The runtime does not load the checkpoint, or loads something else than it is.
  REFUSAL,
  /// The runtime loads it, and something is slower, missing or not as it seems.
  WARNING,
  /// Worth knowing.
  NOTE;

  /// The name in texts and documents.
  @JsonValue
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
