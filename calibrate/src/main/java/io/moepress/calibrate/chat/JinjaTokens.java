package io.moepress.calibrate.chat;

import io.moepress.formats.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The tokens of an expression or statement.
final class JinjaTokens {
  private static final Pattern TOKEN =
      Pattern.compile(
          "(?<name>[A-Za-z_][A-Za-z0-9_]*)|(?<number>\\d[\\d_]*(?:\\.\\d+)?(?:[eE][-+]?\\d+)?)"
              + "|(?<operator>//|\\*\\*|==|!=|<=|>=|[-+*/%~<>=(){}\\[\\],:.|])");

  /// What a token is.
  enum Kind {
    NAME,
    NUMBER,
    STRING,
    OPERATOR,
    END
  }

  /// One token.
  ///
  /// @param text as written; of a string, its value
  /// @param line where it stands in the template, counted from 1
  record Token(Kind kind, String text, int line) {

    boolean isName(String name) {
      return kind == Kind.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
      return kind == Kind.OPERATOR && text.equals(operator);
    }

    String shown() {
      return kind == Kind.END ? "the end" : Words.quoted(text);
    }
  }

  private JinjaTokens() {}

  /// Splits code into tokens; the last one is of the kind [Kind#END].
  ///
  /// @param line where the code begins
  static List<Token> of(String code, int line) {
    List<Token> tokens = new ArrayList<>();
    Matcher matcher = TOKEN.matcher(code);
    int row = line;
    int at = 0;
    while (at < code.length()) {
      char c = code.charAt(at);
      if (Character.isWhitespace(c)) {
        row += c == '\n' ? 1 : 0;
        at++;
      } else if (c == '\'' || c == '"') {
        int end = endOfString(code, at);
        if (end == code.length()) {
          throw new TemplateException(row, "a string is not closed");
        }
        tokens.add(new Token(Kind.STRING, unescaped(code.substring(at + 1, end)), row));
        at = end + 1;
      } else if (matcher.region(at, code.length()).lookingAt()) {
        tokens.add(new Token(kind(matcher), matcher.group(), row));
        at = matcher.end();
      } else {
        throw new TemplateException(row, "unexpected " + Words.quoted(code.substring(at, at + 1)));
      }
    }
    tokens.add(new Token(Kind.END, "", row));
    return tokens;
  }

  private static Kind kind(Matcher matcher) {
    if (matcher.group("name") != null) {
      return Kind.NAME;
    }
    return matcher.group("number") != null ? Kind.NUMBER : Kind.OPERATOR;
  }

  /// Index of the quote that closes a string; the length of the code when none does.
  static int endOfString(String code, int start) {
    char quote = code.charAt(start);
    int i = start + 1;
    while (i < code.length() && code.charAt(i) != quote) {
      i += code.charAt(i) == '\\' ? 2 : 1;
    }
    return Math.min(i, code.length());
  }

  /// The value of a string, by the escapes of Python; an unknown one stands for itself.
  private static String unescaped(String written) {
    StringBuilder value = new StringBuilder();
    for (int i = 0; i < written.length(); i++) {
      char c = written.charAt(i);
      if (c != '\\' || i + 1 == written.length()) {
        value.append(c);
        continue;
      }
      char escaped = written.charAt(++i);
      switch (escaped) {
        case 'n' -> value.append('\n');
        case 't' -> value.append('\t');
        case 'r' -> value.append('\r');
        case '\n' -> {} // a line that goes on
        case '\\', '\'', '"' -> value.append(escaped);
        case 'u' -> {
          value.append(codeUnit(written, i));
          i += 4;
        }
        case 'x' -> {
          value.append((char) number(written, i + 1, 2));
          i += 2;
        }
        default -> value.append('\\').append(escaped);
      }
    }
    return value.toString();
  }

  private static char codeUnit(String written, int at) {
    return (char) number(written, at + 1, 4);
  }

  private static int number(String written, int from, int digits) {
    String hexadecimal = written.substring(from, Math.min(written.length(), from + digits));
    if (!hexadecimal.matches("[0-9a-fA-F]{" + digits + "}")) {
      throw new TemplateException("a string holds the escape \\u or \\x without its digits");
    }
    return Integer.parseInt(hexadecimal, 16);
  }
}
