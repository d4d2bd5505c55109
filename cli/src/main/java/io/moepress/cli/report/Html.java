package io.moepress.cli.report;

import io.moepress.formats.Checks;
import java.util.ArrayDeque;
import java.util.Deque;

/// Writes HTML, and SVG inside it. All text and every value of an attribute is escaped here, so
/// that names from a stranger's files stay text.
final class Html {
  private final StringBuilder written = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /// Opens an element.
  ///
  /// @param attributes names and values in turn
  Html open(String tag, String... attributes) {
    start(tag, attributes).append('>');
    open.push(tag);
    return this;
  }

  /// Closes the element that was opened last.
  Html close() {
    written.append("</").append(open.pop()).append(">\n");
    return this;
  }

  /// An element that holds nothing.
  Html empty(String tag, String... attributes) {
    start(tag, attributes).append("/>");
    return this;
  }

  /// An element that holds text.
  Html element(String tag, String content, String... attributes) {
    return open(tag, attributes).text(content).close();
  }

  /// Text.
  Html text(String content) {
    written.append(escaped(content));
    return this;
  }

  /// A style sheet of our own, as it is.
  Html style(String sheet) {
    written.append("<style>\n").append(sheet).append("</style>\n");
    return this;
  }

  /// A row of a table.
  ///
  /// @param tag `th` or `td`
  Html row(String tag, String... cells) {
    open("tr");
    for (String cell : cells) {
      element(tag, cell);
    }
    return close();
  }

  /// Everything that was written.
  ///
  /// @throws IllegalStateException when an element is still open
  String done() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("open elements: " + open);
    }
    return written.toString();
  }

  private StringBuilder start(String tag, String... attributes) {
    Checks.require(attributes.length % 2 == 0, "%s: a name without a value", tag);
    written.append('<').append(tag);
    for (int i = 0; i < attributes.length; i += 2) {
      written
          .append(' ')
          .append(attributes[i])
          .append("=\"")
          .append(escaped(attributes[i + 1]))
          .append('"');
    }
    return written;
  }

  private static String escaped(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints().forEach(point -> append(escaped, point));
    return escaped.toString();
  }

  private static void append(StringBuilder escaped, int point) {
    switch (point) {
      case '&' -> escaped.append("&amp;");
      case '<' -> escaped.append("&lt;");
      case '>' -> escaped.append("&gt;");
      case '"' -> escaped.append("&quot;");
      case '\'' -> escaped.append("&#39;");
      case '\n', '\t' -> escaped.appendCodePoint(point);
      default -> escaped.appendCodePoint(isShown(point) ? point : '\uFFFD');
    }
  }

  /// Control characters, half of a pair, and what turns the direction of text around are not shown.
  private static boolean isShown(int point) {
    int type = Character.getType(point);
    return type != Character.CONTROL && type != Character.SURROGATE && type != Character.FORMAT;
  }
}
