package io.moepress.calibrate.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Cuts a template into text, expressions and statements, white space around them as Jinja treats
/// it with `trim_blocks` and `lstrip_blocks`:
///
/// * a `-` inside a bracket strips all white space on that side, a `+` keeps it,
/// * else a statement or comment loses the line break behind it, and the spaces in front of it if
///   it is the first on its line,
/// * one line break at the end of the template is dropped.
final class TemplatePieces {
  private static final Pattern LINE_BREAK = Pattern.compile("\r\n|\r");
  private static final Pattern OPENING = Pattern.compile("\\{[{%#]");
  private static final Pattern END_RAW =
      Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}", Pattern.DOTALL);

  /// A part of a template.
  sealed interface Piece {}

  /// Text to be copied.
  ///
  /// @param text not empty
  record Text(String text) implements Piece {}

  /// What stands in `{{ }}`.
  ///
  /// @param code without the brackets
  /// @param line where it begins, counted from 1
  record Output(String code, int line) implements Piece {}

  /// What stands in `{% %}`.
  ///
  /// @param code without the brackets
  /// @param line where it begins, counted from 1
  record Statement(String code, int line) implements Piece {}

  private final String source;
  private final List<Piece> pieces = new ArrayList<>();
  private int at;

  private TemplatePieces(String template) {
    String text = LINE_BREAK.matcher(template).replaceAll("\n");
    this.source = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  /// Cuts a template.
  ///
  /// @throws TemplateException when a bracket is not closed
  static List<Piece> of(String template) {
    TemplatePieces cutter = new TemplatePieces(template);
    cutter.cut();
    return cutter.pieces;
  }

  private void cut() {
    Matcher opening = OPENING.matcher(source);
    while (opening.find(at)) {
      int open = opening.start();
      char kind = source.charAt(open + 1);
      char sign = signAt(open + 2);
      addText(before(source.substring(at, open), kind, sign));
      int start = open + (sign == 0 ? 2 : 3);
      int end = kind == '#' ? source.indexOf("#}", start) : endOfCode(start, kind);
      if (end < 0) {
        throw new TemplateException(line(open), "\"{" + kind + "\" is not closed");
      }
      char last = end > start ? signAt(end - 1) : 0;
      String code = source.substring(start, last == 0 ? end : end - 1);
      at = after(end + 2, kind, last);
      add(kind, code, line(open));
    }
    addText(source.substring(at));
  }

  private void add(char kind, String code, int line) {
    if (kind == '{') {
      pieces.add(new Output(code, line));
    } else if (kind == '%' && code.strip().equals("raw")) {
      raw(line);
    } else if (kind == '%') {
      pieces.add(new Statement(code, line));
    }
  }

  /// Copies everything up to the end of a raw block.
  private void raw(int line) {
    Matcher end = END_RAW.matcher(source);
    if (!end.find(at)) {
      throw new TemplateException(line, "{% raw %} is not closed");
    }
    char sign = end.group(1).isEmpty() ? 0 : end.group(1).charAt(0);
    addText(before(source.substring(at, end.start()), '%', sign));
    at = after(end.end(), '%', end.group(2).isEmpty() ? 0 : end.group(2).charAt(0));
  }

  private void addText(String text) {
    if (!text.isEmpty()) {
      pieces.add(new Text(text));
    }
  }

  /// What is left of the text in front of a bracket.
  private String before(String text, char kind, char sign) {
    if (sign == '-') {
      return text.stripTrailing();
    }
    if (sign == '+' || kind == '{') {
      return text;
    }
    int lineStart = text.lastIndexOf('\n') + 1;
    boolean firstOnLine = lineStart > 0 || at == 0 || source.charAt(at - 1) == '\n';
    return firstOnLine && text.substring(lineStart).isBlank() ? text.substring(0, lineStart) : text;
  }

  /// Where the text behind a bracket begins.
  private int after(int end, char kind, char sign) {
    int next = end;
    if (sign == '-') {
      while (next < source.length() && Character.isWhitespace(source.charAt(next))) {
        next++;
      }
    } else if (sign != '+' && kind != '{' && source.startsWith("\n", next)) {
      next++;
    }
    return next;
  }

  private char signAt(int index) {
    char sign = index < source.length() ? source.charAt(index) : 0;
    return sign == '-' || sign == '+' ? sign : 0;
  }

  /// Where code ends, past strings and nested braces; -1 when it does not.
  private int endOfCode(int start, char kind) {
    String closing = kind == '{' ? "}}" : "%}";
    int depth = 0;
    for (int i = start; i < source.length(); i++) {
      char c = source.charAt(i);
      if (depth == 0 && source.startsWith(closing, i)) {
        return i;
      }
      if (c == '\'' || c == '"') {
        i = JinjaTokens.endOfString(source, i);
      } else if ("([{".indexOf(c) >= 0) {
        depth++;
      } else if (")]}".indexOf(c) >= 0) {
        depth--;
      }
    }
    return -1;
  }

  private int line(int index) {
    return 1 + (int) source.substring(0, index).chars().filter(c -> c == '\n').count();
  }
}
