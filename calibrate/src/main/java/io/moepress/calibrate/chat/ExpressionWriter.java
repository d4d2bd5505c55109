package io.moepress.calibrate.chat;

import io.moepress.calibrate.chat.JinjaTokens.Kind;
import io.moepress.calibrate.chat.JinjaTokens.Token;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Writes an expression of Jinja as an expression of Jinjava with the same value.
///
/// What differs:
///
/// * `not` binds weaker than comparisons and tests in Jinja; `and` and `or` give one of their
///   operands; the text `"false"` is true. So all four become `a if py_truth(b) else c`.
/// * `==` compares without making one value of the kind of the other.
/// * Slices (`messages[1:]`, `messages[::-1]`) become calls of a method.
/// * Strings become variables, so that their escapes are read here alone.
/// * Filters and tests are checked by name; Jinjava takes an unknown filter for nothing.
final class ExpressionWriter {
  private static final int DEEPEST = 40;
  private static final int LONGEST = 1 << 16;

  private static final Set<String> FILTERS =
      words(
          "capitalize count d default first int items join last length list lower map rejectattr"
              + " replace reverse safe selectattr string title tojson trim upper");
  private static final Set<String> TESTS =
      words(
          "boolean defined divisibleby eq equalto even false float in integer iterable mapping ne none"
              + " number odd sameas sequence string true undefined");
  private static final Map<String, String> CONSTANTS =
      Map.of(
          "True", "true", "False", "false", "None", JinjaDialect.NONE, "none", JinjaDialect.NONE);
  private static final Set<String> STOPS = Set.of("and", "or", "if", "else");

  private final List<Token> tokens;
  private final Map<String, Object> strings;
  private int next;
  private int depth;

  private static Set<String> words(String line) {
    return Set.of(line.split(" "));
  }

  /// Writes what stands in `tokens`.
  ///
  /// @param next index of the first token to read
  /// @param strings where variables for strings are put
  ExpressionWriter(List<Token> tokens, int next, Map<String, Object> strings) {
    this.tokens = tokens;
    this.next = next;
    this.strings = strings;
  }

  /// The token that comes next.
  Token peek() {
    return tokens.get(next);
  }

  /// Moves past the next token.
  Token take() {
    Token token = peek();
    next += token.kind() == Kind.END ? 0 : 1;
    return token;
  }

  /// Moves past an operator if it comes next.
  boolean takes(String operator) {
    boolean found = peek().isOperator(operator);
    next += found ? 1 : 0;
    return found;
  }

  /// Moves past a word if it comes next.
  boolean takesWord(String word) {
    boolean found = peek().isName(word);
    next += found ? 1 : 0;
    return found;
  }

  /// Moves past an operator that has to come next.
  void require(String operator) {
    if (!takes(operator)) {
      throw unexpected("\"" + operator + "\"");
    }
  }

  /// Moves past a name that has to come next.
  String requireName() {
    if (peek().kind() != Kind.NAME) {
      throw unexpected("a name");
    }
    return take().text();
  }

  /// Makes sure that all tokens were read.
  void requireEnd() {
    if (peek().kind() != Kind.END) {
      throw unexpected("the end");
    }
  }

  TemplateException unexpected(String expected) {
    return new TemplateException(
        peek().line(), "found " + peek().shown() + " (expected " + expected + ")");
  }

  /// An expression, or several with commas between them, which are a tuple.
  String tuple() {
    String first = expression();
    if (!peek().isOperator(",")) {
      return first;
    }
    StringBuilder items = new StringBuilder("(").append(first);
    while (takes(",") && peek().kind() != Kind.END) {
      items.append(", ").append(expression());
    }
    return items.append(")").toString();
  }

  /// An expression.
  String expression() {
    depth++;
    String value = either();
    while (takesWord("if")) {
      String condition = either();
      String other = takesWord("else") ? " else " + expression() : "";
      value = checked("(" + value + " if " + truth(condition) + other + ")");
    }
    depth--;
    return value;
  }

  /// An expression without a condition behind it.
  String either() {
    if (depth > DEEPEST) {
      throw new TemplateException(peek().line(), "nested deeper than " + DEEPEST + " levels");
    }
    String left = both();
    if (!takesWord("or")) {
      return left;
    }
    return checked("(" + left + " if " + truth(left) + " else " + either() + ")");
  }

  private String both() {
    String left = negation();
    if (!takesWord("and")) {
      return left;
    }
    return checked("(" + both() + " if " + truth(left) + " else " + left + ")");
  }

  private String negation() {
    int negations = 0;
    while (takesWord("not")) {
      negations++;
    }
    String value = comparison();
    for (int i = 0; i < Math.min(negations, 2 - negations % 2); i++) {
      value = "(false if " + truth(value) + " else true)";
    }
    return value;
  }

  /// An expression as a condition: with the truth that Python gives its value.
  static String truth(String expression) {
    return "py_truth(" + expression + ")";
  }

  /// Alternatives repeat their operands, so that nested ones grow fast.
  private String checked(String written) {
    if (written.length() > LONGEST) {
      throw new TemplateException(peek().line(), "the expression is too long");
    }
    return written;
  }

  private String comparison() {
    StringBuilder written = new StringBuilder();
    boolean operand = false; // whether what was read last is one
    while (true) {
      Token token = peek();
      switch (token.kind()) {
        case END -> {
          return complete(written, operand);
        }
        case STRING, NUMBER -> {
          requireOperator(operand);
          written.append(' ').append(literal(take()));
          operand = true;
        }
        case NAME -> {
          if (STOPS.contains(token.text())) {
            return complete(written, operand);
          }
          operand = name(written, operand);
        }
        case OPERATOR -> {
          if (Set.of(",", ")", "]", "}", ":", "=").contains(token.text())) {
            return complete(written, operand);
          }
          if (token.isOperator("==") || token.isOperator("!=")) {
            return equality(complete(written, operand));
          }
          operand = operator(written, operand);
        }
      }
    }
  }

  /// Two values are equal as Python sees it; Jinjava takes the text `"1"` for the number.
  private String equality(String left) {
    boolean negated = take().isOperator("!=");
    String equal = "py_equal(" + left + ", " + comparison() + ")";
    return checked(negated ? "(false if " + equal + " else true)" : equal);
  }

  private String complete(StringBuilder written, boolean operand) {
    if (!operand) {
      throw unexpected("a value");
    }
    return checked(written.toString().strip());
  }

  /// Copies a name, or what it stands for.
  ///
  /// @return whether it is an operand
  private boolean name(StringBuilder written, boolean operand) {
    Token token = peek();
    return switch (token.text()) {
      case "not", "in" -> {
        membership(written, operand);
        yield false;
      }
      case "is" -> {
        take();
        written.append(takesWord("not") ? " is not " : " is ");
        String test = known("test", TESTS);
        written.append(test);
        yield !test.equals("in") && !startsArgument(peek());
      }
      default -> {
        requireOperator(operand);
        written.append(' ').append(CONSTANTS.getOrDefault(token.text(), token.text()));
        take();
        yield true;
      }
    };
  }

  private void membership(StringBuilder written, boolean operand) {
    boolean negated = takesWord("not");
    if (!operand || !takesWord("in")) {
      throw unexpected("\"in\" behind a value");
    }
    written.append(negated ? " not in" : " in");
  }

  private void requireOperator(boolean operand) {
    if (operand) {
      throw unexpected("an operator");
    }
  }

  /// Whether a token behind a test is its argument, which needs no brackets.
  private static boolean startsArgument(Token token) {
    return switch (token.kind()) {
      case STRING, NUMBER -> true;
      case NAME ->
          !STOPS.contains(token.text()) && !Set.of("is", "in", "not").contains(token.text());
      case OPERATOR, END -> false;
    };
  }

  private String known(String kind, Set<String> names) {
    String name = requireName();
    if (!names.contains(name)) {
      throw new TemplateException(
          peek().line(), "the " + kind + " \"" + name + "\" is not supported in chat templates");
    }
    return name;
  }

  /// Copies an operator and what belongs to it.
  ///
  /// @return whether what was copied ends with an operand
  private boolean operator(StringBuilder written, boolean operand) {
    Token token = take();
    switch (token.text()) {
      case "." -> written.append('.').append(requireName());
      case "|" -> written.append("|").append(known("filter", FILTERS));
      case "(" -> written.append(operand ? "(" : " (").append(items(")")).append(')');
      case "{" -> written.append(" {").append(items("}")).append('}');
      case "[" -> {
        if (operand) {
          written.append(element());
        } else {
          written.append(" [").append(items("]")).append(']');
        }
      }
      default -> {
        written.append(' ').append(token.text());
        return false;
      }
    }
    return true;
  }

  /// What stands in brackets: arguments, perhaps named, items of a list, entries of a map.
  private String items(String closing) {
    StringBuilder written = new StringBuilder();
    while (!takes(closing)) {
      if (peek().kind() == Kind.NAME && tokens.get(next + 1).isOperator("=")) {
        written.append(take().text()).append(take().text());
        written.append('(').append(expression()).append(')');
      } else {
        written.append(expression());
      }
      if (takes(":")) {
        written.append(": ").append(expression());
      }
      if (takes(",")) {
        written.append(", ");
      } else if (!peek().isOperator(closing)) {
        throw unexpected("\"" + closing + "\"");
      }
    }
    String all = written.toString();
    return all.endsWith(", ") && !closing.equals(")") ? all.substring(0, all.length() - 2) : all;
  }

  /// An element, `[i]`, or a slice, `[from:to:step]`.
  private String element() {
    String[] bounds = {"null", "null", "null"};
    int bound = 0;
    while (!takes("]")) {
      if (takes(":")) {
        bound++;
        if (bound > 2) {
          throw unexpected("\"]\"");
        }
      } else {
        bounds[bound] = expression();
      }
    }
    return bound == 0 ? "[" + bounds[0] + "]" : ".py_slice(" + String.join(", ", bounds) + ")";
  }

  private String literal(Token token) {
    if (token.kind() == Kind.NUMBER) {
      return token.text().replace("_", "");
    }
    String name = JinjaDialect.PREFIX + strings.size();
    strings.put(name, token.text());
    return name;
  }
}
