package io.moepress.recipes.recipe;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/// A place in the schema of recipes. What stands at the definition it refers to counts as its own,
/// unless it says something else itself.
///
/// @param root the whole schema
/// @param own the place
record SchemaNode(JsonNode root, JsonNode own) {
  /// What a keyword says here; a missing node if it is not there.
  JsonNode get(String keyword) {
    if (own.has(keyword) || !own.has("$ref")) {
      return own.path(keyword);
    }
    return definition().get(keyword);
  }

  private SchemaNode definition() {
    return node(root.at(own.get("$ref").asString().substring(1)));
  }

  boolean has(String keyword) {
    return !get(keyword).isMissingNode();
  }

  /// What a keyword says in words; empty if it is not there.
  String text(String keyword) {
    return get(keyword).asString("");
  }

  /// The keys of a map, in the order of the schema.
  Map<String, SchemaNode> properties() {
    Map<String, SchemaNode> properties = new LinkedHashMap<>();
    get("properties")
        .properties()
        .forEach(entry -> properties.put(entry.getKey(), node(entry.getValue())));
    return properties;
  }

  /// What an item of a list is.
  Optional<SchemaNode> items() {
    return has("items") ? Optional.of(node(get("items"))) : Optional.empty();
  }

  /// What a value may be one of.
  List<SchemaNode> choices() {
    return get("anyOf").valueStream().map(this::node).toList();
  }

  /// Whether a map must have a key.
  boolean requires(String key) {
    return get("required").valueStream().anyMatch(name -> name.asString().equals(key));
  }

  /// The keys in whose place a key stands: of each set of keys that a map may have instead, the
  /// first.
  List<String> insteadOf(String key) {
    List<String> others = new ArrayList<>();
    alternatives(get("oneOf"), key, others);
    get("dependentSchemas")
        .valueStream()
        .forEach(condition -> alternatives(condition.path("oneOf"), key, others));
    return others;
  }

  private static void alternatives(JsonNode oneOf, String key, List<String> others) {
    List<String> first =
        oneOf.valueStream().map(set -> set.path("required").path(0).asString("")).toList();
    if (first.contains(key)) {
      first.stream().filter(other -> !other.equals(key)).forEach(others::add);
    }
  }

  private SchemaNode node(JsonNode place) {
    return new SchemaNode(root, place);
  }
}
