package io.moepress.formats.architecture;

import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A small formula over config keys and dimensions, as architecture files use them:
///
/// ```
/// config.head_dim ?? hidden / heads
/// heads * (nope + rope)
/// config.norm_topk_prob ?? false
/// !config.q_lora_rank
/// ```
///
/// `config.KEY` is the value in `config.json`; a bare name is a dimension of the architecture file;
/// `a ?? b` is `b` where `a` is absent or null, and binds weakest. `true` is 1 and `false` is 0;
/// `!a` is 1 where `a` is 0 or absent, and else 0. Any other formula with an absent part is absent
/// itself.
public final class Expression {
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(\\?\\?|[-+*/()!]|\\d+(?:\\.\\d+)?(?:e-?\\d+)?|[A-Za-z_][A-Za-z0-9_.]*)");
  private static final String CONFIG = "config.";

  /// Formulas nest as deep as they are long, and no family needs a long one.
  private static final int MOST_TOKENS = 200;

  private final String text;
  private final Function<Scope, OptionalDouble> formula;

  /// Where names get their values.
  public interface Scope {

    /// The number (or flag) under a key of `config.json`; empty when absent or null.
    OptionalDouble config(String key);

    /// The value of a dimension; empty when it has none here.
    OptionalDouble dimension(String name);
  }

  private Expression(String text, Function<Scope, OptionalDouble> formula) {
    this.text = text;
    this.formula = formula;
  }

  /// Parses a formula.
  ///
  /// @throws FormatException when it is malformed
  public static Expression parse(String text) {
    Parser parser = new Parser(text);
    Function<Scope, OptionalDouble> formula = parser.alternatives();
    parser.requireEnd();
    return new Expression(text, formula);
  }

  /// The value, or nothing where a part of it is absent.
  public OptionalDouble evaluate(Scope scope) {
    return formula.apply(scope);
  }

  @Override
  public String toString() {
    return text;
  }

  /// Recursive descent over the tokens, one method for each level of precedence.
  private static final class Parser {
    private final String text;
    private final List<String> tokens = new ArrayList<>();
    private int next;

    Parser(String text) {
      this.text = text;
      Matcher matcher = TOKEN.matcher(text);
      int end = 0;
      while (tokens.size() <= MOST_TOKENS && matcher.lookingAt()) {
        tokens.add(matcher.group(1));
        end = matcher.end();
        matcher.region(end, text.length());
      }
      if (tokens.size() > MOST_TOKENS) {
        throw FormatException.of(
            "architecture file: formula %s: longer than %d names, numbers and signs",
            Words.shown(text), MOST_TOKENS);
      }
      if (!text.substring(end).isBlank() || tokens.isEmpty()) {
        throw malformed();
      }
    }

    Function<Scope, OptionalDouble> alternatives() {
      Function<Scope, OptionalDouble> first = sum();
      if (!take("??")) {
        return first;
      }
      Function<Scope, OptionalDouble> second = alternatives();
      return scope -> {
        OptionalDouble value = first.apply(scope);
        return value.isPresent() ? value : second.apply(scope);
      };
    }

    private Function<Scope, OptionalDouble> sum() {
      Function<Scope, OptionalDouble> left = product();
      while (true) {
        if (take("+")) {
          left = combine(left, product(), Double::sum);
        } else if (take("-")) {
          left = combine(left, product(), (a, b) -> a - b);
        } else {
          return left;
        }
      }
    }

    private Function<Scope, OptionalDouble> product() {
      Function<Scope, OptionalDouble> left = factor();
      while (true) {
        if (take("*")) {
          left = combine(left, factor(), (a, b) -> a * b);
        } else if (take("/")) {
          left = combine(left, factor(), (a, b) -> a / b);
        } else {
          return left;
        }
      }
    }

    private Function<Scope, OptionalDouble> factor() {
      if (take("!")) {
        Function<Scope, OptionalDouble> negated = factor();
        return scope -> OptionalDouble.of(negated.apply(scope).orElse(0) == 0 ? 1 : 0);
      }
      if (take("(")) {
        Function<Scope, OptionalDouble> inner = alternatives();
        if (!take(")")) {
          throw malformed();
        }
        return inner;
      }
      if (next == tokens.size()) {
        throw malformed();
      }
      return value(tokens.get(next++));
    }

    private Function<Scope, OptionalDouble> value(String token) {
      char first = token.charAt(0);
      if (Character.isDigit(first)) {
        OptionalDouble number = OptionalDouble.of(Double.parseDouble(token));
        return scope -> number;
      }
      if (!Character.isLetter(first) && first != '_') {
        throw malformed();
      }
      if (token.startsWith(CONFIG)) {
        String key = token.substring(CONFIG.length());
        if (key.isEmpty()) {
          throw malformed();
        }
        return scope -> scope.config(key);
      }
      return switch (token) {
        case "true" -> scope -> OptionalDouble.of(1);
        case "false" -> scope -> OptionalDouble.of(0);
        default -> scope -> scope.dimension(token);
      };
    }

    private static Function<Scope, OptionalDouble> combine(
        Function<Scope, OptionalDouble> left,
        Function<Scope, OptionalDouble> right,
        java.util.function.DoubleBinaryOperator operator) {
      return scope -> {
        OptionalDouble a = left.apply(scope);
        OptionalDouble b = right.apply(scope);
        return a.isPresent() && b.isPresent()
            ? OptionalDouble.of(operator.applyAsDouble(a.getAsDouble(), b.getAsDouble()))
            : OptionalDouble.empty();
      };
    }

    private boolean take(String token) {
      boolean taken = next < tokens.size() && tokens.get(next).equals(token);
      next += taken ? 1 : 0;
      return taken;
    }

    void requireEnd() {
      if (next != tokens.size()) {
        throw malformed();
      }
    }

    private FormatException malformed() {
      return FormatException.of("architecture file: malformed formula \"%s\"", text);
    }
  }
}
