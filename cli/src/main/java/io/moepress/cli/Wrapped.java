package io.moepress.cli;

import java.util.regex.Pattern;

/// Text for a terminal of 80 columns.
final class Wrapped {
  private static final int COLUMNS = 80;
  private static final Pattern SPACE = Pattern.compile("\\s+");

  private Wrapped() {}

  /// The words of a text on as many lines as they need, each behind the same indentation.
  ///
  /// @param first what stands in front of the first line instead of the indentation
  static String text(String first, String text, int indentation) {
    String space = " ".repeat(indentation);
    StringBuilder lines = new StringBuilder();
    StringBuilder line = new StringBuilder(first);
    line.append(space, Math.min(first.length(), indentation), indentation);
    boolean empty = true;
    for (String word : SPACE.splitAsStream(text.strip()).toList()) {
      if (!empty && line.length() + 1 + word.length() > COLUMNS) {
        lines.append(line).append('\n');
        line = new StringBuilder(space);
        empty = true;
      }
      line.append(empty ? "" : " ").append(word);
      empty = false;
    }
    return lines.append(line).append('\n').toString();
  }
}
