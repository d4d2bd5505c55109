package io.moepress.calibrate.chat;

import io.moepress.calibrate.chat.JinjaTokens.Token;
import io.moepress.calibrate.chat.TemplatePieces.Output;
import io.moepress.calibrate.chat.TemplatePieces.Piece;
import io.moepress.calibrate.chat.TemplatePieces.Statement;
import io.moepress.calibrate.chat.TemplatePieces.Text;
import java.util.HashMap;
import java.util.Map;
import java.util.StringJoiner;

/// Writes a template of Jinja as one of Jinjava that gives the same text.
///
/// Jinjava sees neither white space control nor text nor strings: text and strings are variables of
/// the result. A statement stands on the line it has in the template, so that its errors do, too.
///
/// @param text the template for Jinjava
/// @param variables what it refers to, by name
record JinjaDialect(String text, Map<String, Object> variables) {
  /// How the names of variables for text and strings begin.
  static final String PREFIX = "moepress_text_";

  /// The variable that holds None.
  static final String NONE = "py_none";

  /// Stands between the list of a loop and the condition on its items.
  static final String CONDITION = "\u001f";

  JinjaDialect {
    variables = Map.copyOf(variables);
  }

  /// Writes a template for Jinjava.
  ///
  /// @throws TemplateException when it is malformed, or says what is not supported
  static JinjaDialect of(String template) {
    Map<String, Object> variables = new HashMap<>();
    StringBuilder text = new StringBuilder();
    int line = 1;
    for (Piece piece : TemplatePieces.of(template)) {
      switch (piece) {
        case Text copied -> {
          String name = PREFIX + variables.size();
          variables.put(name, copied.text());
          text.append("{{ ").append(name).append(" }}");
        }
        case Output output -> {
          text.append("{{ ").append("\n".repeat(output.line() - line));
          text.append(output(output, variables)).append(" }}");
          line = output.line();
        }
        case Statement statement -> {
          text.append("{% ").append("\n".repeat(statement.line() - line));
          text.append(statement(statement, variables)).append(" %}");
          line = statement.line();
        }
      }
    }
    return new JinjaDialect(text.toString(), variables);
  }

  private static String output(Output output, Map<String, Object> variables) {
    ExpressionWriter writer = writer(output.code(), output.line(), variables);
    String value = writer.expression();
    writer.requireEnd();
    return "py_text(" + value + ")";
  }

  private static ExpressionWriter writer(String code, int line, Map<String, Object> variables) {
    return new ExpressionWriter(JinjaTokens.of(code, line), 0, variables);
  }

  private static String statement(Statement statement, Map<String, Object> variables) {
    ExpressionWriter writer = writer(statement.code(), statement.line(), variables);
    Token tag = writer.peek();
    String name = writer.requireName();
    String written =
        switch (name) {
          case "if", "elif" -> name + " " + ExpressionWriter.truth(writer.expression());
          case "else",
              "endif",
              "endfor",
              "endset",
              "endmacro",
              "break",
              "continue",
              "generation",
              "endgeneration" ->
              name;
          case "for" -> loop(writer);
          case "set" -> assignment(writer);
          case "macro" -> macro(writer);
          default ->
              throw new TemplateException(
                  tag.line(), "the statement \"" + name + "\" is not supported in chat templates");
        };
    writer.requireEnd();
    return written;
  }

  private static String loop(ExpressionWriter writer) {
    boolean bracket = writer.takes("(");
    StringJoiner names = new StringJoiner(", ");
    do {
      names.add(writer.requireName());
    } while (writer.takes(","));
    if (bracket) {
      writer.require(")");
    }
    if (!writer.takesWord("in")) {
      throw writer.unexpected("\"in\"");
    }
    String items = "for " + names + " in " + writer.either();
    return writer.takesWord("if") ? items + CONDITION + writer.expression() : items;
  }

  private static String assignment(ExpressionWriter writer) {
    StringJoiner targets = new StringJoiner(", ");
    int count = 0;
    do {
      String target = writer.requireName();
      targets.add(writer.takes(".") ? target + "." + writer.requireName() : target);
      count++;
    } while (writer.takes(","));
    if (!writer.takes("=")) {
      return "set " + targets;
    }
    if (count == 1) {
      return "set " + targets + " = " + writer.tuple();
    }
    StringJoiner values = new StringJoiner(", ");
    do {
      values.add(writer.expression());
    } while (writer.takes(","));
    return "set " + targets + " = " + values;
  }

  private static String macro(ExpressionWriter writer) {
    StringJoiner parameters = new StringJoiner(", ", writer.requireName() + "(", ")");
    writer.require("(");
    while (!writer.takes(")")) {
      String parameter = writer.requireName();
      parameters.add(writer.takes("=") ? parameter + "=" + writer.expression() : parameter);
      if (!writer.takes(",") && !writer.peek().isOperator(")")) {
        throw writer.unexpected("\")\"");
      }
    }
    return "macro " + parameters;
  }
}
