package io.moepress.recipes.recipe;

import io.moepress.formats.Words;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// What a value of a recipe may be, in words: `a whole number from 1 on`, or names between
/// backticks.
///
/// @param catalog knows the names of methods
record ValueWords(MethodCatalog catalog) {
  /// The words for values of a schema.
  String of(SchemaNode node) {
    if (node.has("x-takes")) {
      return node.text("x-takes") + examples(node);
    }
    if (node.has("x-methods")) {
      return Words.or(methods(node.text("x-methods")).stream().map(ValueWords::code).toList());
    }
    if (node.has("enum")) {
      return Words.or(codes(node.get("enum")));
    }
    if (node.has("const")) {
      return code(written(node.get("const")));
    }
    List<SchemaNode> choices = node.choices();
    return choices.isEmpty()
        ? typed(node) + examples(node)
        : String.join(", or ", choices.stream().map(this::of).toList());
  }

  private static String examples(SchemaNode node) {
    return node.has("examples") ? " such as " + Words.or(codes(node.get("examples"))) : "";
  }

  private Set<String> methods(String kind) {
    return switch (kind) {
      case "prune" -> catalog.pruneNames();
      case "merge" -> catalog.mergeNames();
      case "sparsify" -> catalog.sparsityNames();
      case "quantize" -> catalog.quantizeNames();
      case "bits" -> catalog.bitNames();
      default -> throw new IllegalStateException("no methods of the kind " + kind);
    };
  }

  private String typed(SchemaNode node) {
    String type = node.text("type");
    return switch (type) {
      case "boolean" -> "`true` or `false`";
      case "integer" -> "a whole number" + range(node);
      case "number" -> "a number" + range(node);
      case "string" -> "text";
      case "array" -> "a list" + node.items().map(item -> ", each item " + of(item)).orElse("");
      case "object" -> "a map";
      default -> throw new IllegalStateException("no words for values of type \"" + type + "\"");
    };
  }

  private static String range(SchemaNode node) {
    String from = bound(node, " from ", "minimum") + bound(node, " above ", "exclusiveMinimum");
    String to = bound(node, " to ", "maximum") + bound(node, " below ", "exclusiveMaximum");
    return from + (to.isEmpty() && node.has("minimum") ? " on" : to);
  }

  private static String bound(SchemaNode node, String word, String keyword) {
    return node.has(keyword) ? word + node.get(keyword).asString() : "";
  }

  private static List<String> codes(JsonNode values) {
    return values.valueStream().map(value -> code(written(value))).toList();
  }

  static String code(String text) {
    return "`" + text + "`";
  }

  /// A value as one writes it in a recipe.
  static String written(JsonNode value) {
    return value.isArray()
        ? "[" + String.join(", ", value.valueStream().map(ValueWords::written).toList()) + "]"
        : value.asString();
  }
}
