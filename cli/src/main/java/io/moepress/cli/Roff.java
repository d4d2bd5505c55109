package io.moepress.cli;

import java.util.HexFormat;
import java.util.List;

/// Writes a page in the `man` macros of roff, which every `man` reads.
final class Roff {
  private final StringBuilder text = new StringBuilder();
  private boolean underHeading;

  /// @param title what stands in the corners at the top
  /// @param source what stands at the bottom on the left
  /// @param manual what stands at the top in the middle
  Roff(String title, String source, String manual) {
    macro(".TH " + quoted(title) + " 1 \"\" " + quoted(source) + " " + quoted(manual));
    macro(".nh"); // a hyphen in an option or a path would read as part of it
    macro(".ad l");
  }

  void section(String heading) {
    macro(".SH " + heading);
    underHeading = true;
  }

  /// Lines that flow into one paragraph.
  void paragraph(List<String> lines) {
    startParagraph();
    lines.forEach(this::line);
  }

  /// Lines that stay as they are.
  void verbatim(List<String> lines) {
    startParagraph();
    macro(".nf");
    lines.forEach(this::line);
    macro(".fi");
  }

  /// The first one begins with its heading.
  private void startParagraph() {
    if (!underHeading) {
      macro(".PP");
    }
  }

  /// A term, made of [#bold] and [#italic], and behind it what it means.
  void item(String term, List<String> meaning) {
    macro(".TP");
    macro(term);
    meaning.forEach(this::line);
  }

  static String bold(String words) {
    return "\\fB" + escaped(words) + "\\fR";
  }

  static String italic(String words) {
    return "\\fI" + escaped(words) + "\\fR";
  }

  /// A line of text. One that is empty would end the paragraph.
  void line(String words) {
    if (!words.isBlank()) {
      macro(escaped(words.strip()));
    }
  }

  /// A line as it is.
  private void macro(String line) {
    text.append(line).append('\n');
    underHeading = false;
  }

  private static String quoted(String words) {
    return '"' + escaped(words).replace("\"", "\\(dq") + '"';
  }

  /// What roff would take for an order, or print as something typographic, escaped: `-` as the sign
  /// of options, quotes as they are typed, and all that is not ASCII by its number.
  static String escaped(String words) {
    StringBuilder escaped = new StringBuilder();
    if (words.startsWith(".") || words.startsWith("'")) {
      escaped.append("\\&");
    }
    words.codePoints().forEach(point -> escaped.append(escaped(point)));
    return escaped.toString();
  }

  private static String escaped(int point) {
    return switch (point) {
      case '\\' -> "\\e";
      case '-' -> "\\-";
      case '\'' -> "\\(aq";
      case '`' -> "\\(ga";
      case '^' -> "\\(ha";
      case '~' -> "\\(ti";
      default -> point < 128 ? Character.toString(point) : "\\[u" + hex(point) + "]";
    };
  }

  private static String hex(int point) {
    String digits = HexFormat.of().withUpperCase().toHexDigits(point);
    return digits.substring(point > 0xFFFF ? 3 : 4);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
