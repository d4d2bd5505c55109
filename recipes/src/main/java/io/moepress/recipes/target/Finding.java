package io.moepress.recipes.target;

import io.moepress.formats.Words;

/// What a broken [Rule] has to say.
///
/// @param rule the rule's id
/// @param runtime who wants it
/// @param severity how much it matters
/// @param found what is there
/// @param expected what has to be there instead
/// @param wayOut what to do about it
public record Finding(
    String rule, String runtime, Severity severity, String found, String expected, String wayOut) {

  /// Whether the runtime would not load the checkpoint, or load it wrongly.
  public boolean refusal() {
    return severity == Severity.REFUSAL;
  }

  /// Where, what, found, expected and the way out.
  public String text() {
    return runtime + ": " + rule + ": " + problem();
  }

  /// Found, expected and the way out. Names may come from a stranger's file, so control characters
  /// are shown as `?`.
  public String problem() {
    return Words.printable(found + " (expected " + expected + "). " + wayOut);
  }
}
