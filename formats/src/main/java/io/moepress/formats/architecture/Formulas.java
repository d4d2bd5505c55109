package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/// The formulas of an architecture file with the values that one configuration gives them.
final class Formulas {
  private static final int MOST_DEPENDENTS = 50;

  private final Architecture architecture;
  private final ModelConfig config;
  private final Map<String, OptionalDouble> dimensions = new HashMap<>();

  /// What formulas have turned out to be: a model asks for the same few for each of its tensors.
  private final Map<String, OptionalDouble> known = new ConcurrentHashMap<>();

  Formulas(Architecture architecture, ModelConfig config) {
    this.architecture = architecture;
    this.config = config;
    architecture.dimensions().keySet().forEach(name -> resolve(name, Set.of()));
  }

  /// The value of a formula.
  OptionalDouble number(String formula) {
    OptionalDouble value = known.get(formula);
    if (value == null) {
      value = Expression.parse(formula).evaluate(scope(name -> resolve(name, Set.of())));
      known.put(formula, value);
    }
    return value;
  }

  /// Whether a formula has a value other than zero.
  boolean flag(String formula) {
    return number(formula).orElse(0) != 0;
  }

  /// The whole number, at least 1, that a formula has to have.
  long positive(String formula) {
    OptionalDouble value = number(formula);
    if (value.isEmpty()) {
      throw FormatException.of(
          "config.json: no value for \"%s\" (%s)",
          formula, architecture.dimensions().getOrDefault(formula, "not a dimension"));
    }
    double number = value.getAsDouble();
    Checks.requireFormat(
        number >= 1 && number == Math.rint(number) && number <= Integer.MAX_VALUE,
        "config.json: %s = %s (expected a positive integer)",
        formula,
        number);
    return (long) number;
  }

  /// Gives a dimension its value, after those its formula mentions.
  private OptionalDouble resolve(String name, Set<String> dependents) {
    OptionalDouble known = dimensions.get(name);
    if (known != null) {
      return known;
    }
    String formula = architecture.dimensions().get(name);
    Checks.requireFormat(
        formula != null && !dependents.contains(name),
        "architecture %s: dimension \"%s\" %s (known: %s)",
        architecture.modelTypes(),
        name,
        formula == null ? "is not defined" : "depends on itself",
        architecture.dimensions().keySet());
    Checks.requireFormat(
        dependents.size() < MOST_DEPENDENTS,
        "architecture %s: dimension \"%s\" depends on more than %d others, one behind the other",
        architecture.modelTypes(),
        name,
        MOST_DEPENDENTS);
    Set<String> deeper = new HashSet<>(dependents);
    deeper.add(name);
    OptionalDouble value =
        Expression.parse(String.valueOf(formula)).evaluate(scope(part -> resolve(part, deeper)));
    dimensions.put(name, value);
    return value;
  }

  private Expression.Scope scope(Function<String, OptionalDouble> dimension) {
    return new Expression.Scope() {
      @Override
      public OptionalDouble config(String key) {
        return config.value(key).map(node -> value(key, node)).orElse(OptionalDouble.empty());
      }

      @Override
      public OptionalDouble dimension(String name) {
        return dimension.apply(name);
      }
    };
  }

  /// Of a list of numbers of experts the largest.
  private OptionalDouble value(String key, JsonNode node) {
    return node.isArray() && architecture.countKeys().contains(key)
        ? OptionalDouble.of(ExpertCounts.largest(key, node))
        : numeric(key, node);
  }

  private static OptionalDouble numeric(String key, JsonNode node) {
    if (node.isBoolean()) {
      return OptionalDouble.of(node.asBoolean() ? 1 : 0);
    }
    Checks.requireFormat(
        node.isNumber() && !node.isBigInteger(),
        "config.json: %s = %s (expected a number)",
        key,
        Words.shown(node.toString()));
    return OptionalDouble.of(node.asDouble());
  }
}
