package io.moepress.formats.architecture;

import io.moepress.formats.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/// The dimensions of a draft: formulas over those keys of a configuration that are there.
final class DraftDimensions implements Expression.Scope {
  /// Stands for what a person has to fill in.
  static final String UNKNOWN = "?";

  private final ModelConfig config;
  private final List<String> keys;
  private final Map<String, String> formulas = new LinkedHashMap<>();
  private final List<String> undecided;

  /// @param keys of the configuration
  /// @param undecided where to say what is not known
  DraftDimensions(ModelConfig config, List<String> keys, List<String> undecided) {
    this.config = config;
    this.keys = List.copyOf(keys);
    this.undecided = undecided;
  }

  Map<String, String> formulas() {
    return Collections.unmodifiableMap(formulas);
  }

  /// Defines a dimension by the first of some keys that is there.
  void define(String name, List<String> keys) {
    Optional<String> key = keys.stream().filter(this::has).findFirst();
    formulas.put(name, key.map(found -> "config." + found).orElse(UNKNOWN));
    if (key.isEmpty()) {
      undecided.add("dimension " + name + ": config.json has none of " + String.join(", ", keys));
    }
  }

  /// Defines a dimension by a formula.
  void define(String name, String formula) {
    formulas.put(name, formula);
  }

  /// Defines a dimension whose value is known by the one key that has this value, of those with
  /// names of a kind.
  ///
  /// @param kinds by which to choose among keys, the first that leaves one
  /// @param otherwise a formula that may explain the value if no key does
  void explain(String name, long value, List<Predicate<String>> kinds, String otherwise) {
    List<String> equal = keys.stream().filter(key -> valueOf(key) == value).toList();
    for (Predicate<String> kind : kinds) {
      List<String> chosen = equal.stream().filter(kind).toList();
      if (chosen.size() == 1) {
        formulas.put(name, "config." + chosen.getFirst());
        return;
      }
    }
    if (!otherwise.isEmpty() && is(otherwise, value)) {
      formulas.put(name, otherwise);
      return;
    }
    formulas.put(name, Long.toString(value));
    undecided.add(
        "dimension " + name + ": " + value + ", which no single key of config.json explains");
  }

  /// Whether a formula has a value.
  boolean is(String formula, long value) {
    OptionalDouble found = Expression.parse(formula).evaluate(this);
    return found.isPresent() && found.getAsDouble() == value;
  }

  /// Those of some keys that are there, all with the same value.
  List<String> present(Collection<String> keys) {
    return new ArrayList<>(keys.stream().filter(this::has).toList());
  }

  boolean has(String key) {
    return config.value(key).isPresent();
  }

  private double valueOf(String key) {
    return config(key).orElse(Double.NaN);
  }

  @Override
  public OptionalDouble config(String key) {
    Optional<JsonNode> node = config.value(key).filter(JsonNode::isNumber);
    return node.isPresent() ? OptionalDouble.of(node.get().asDouble()) : OptionalDouble.empty();
  }

  @Override
  public OptionalDouble dimension(String name) {
    String formula = formulas.get(name);
    return formula == null || formula.equals(UNKNOWN)
        ? OptionalDouble.empty()
        : Expression.parse(formula).evaluate(this);
  }
}
