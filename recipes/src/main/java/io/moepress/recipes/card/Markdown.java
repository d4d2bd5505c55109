package io.moepress.recipes.card;

import io.moepress.formats.Words;

/// Names and sentences that come from files, in Markdown.
final class Markdown {
  private Markdown() {}

  /// On one line, with nothing in it that Markdown reads as a sign of its own.
  static String plain(String text) {
    return Words.printable(text).replaceAll("([\\\\`*_<>|\\[\\]#])", "\\\\$1");
  }

  /// A text in quotes, as YAML reads it.
  static String quoted(String text) {
    return '"' + Words.printable(text).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
