package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import io.moepress.formats.json.JsonEdit;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The `config.json` of a checkpoint. Edits give a new one in which all other text stays as it was.
///
/// A key with dots leads into nested objects: `text_config.num_experts`.
public final class ModelConfig {
  private final String text;
  private final ObjectNode tree;

  private ModelConfig(String text, ObjectNode tree) {
    this.text = text;
    this.tree = tree;
  }

  /// Parses the text of a `config.json`.
  ///
  /// @throws FormatException when it is not a JSON object, or repeats a key
  public static ModelConfig parse(String text) {
    return new ModelConfig(text, Json.object(text, "config.json"));
  }

  /// The text, ready to be written.
  public String text() {
    return text;
  }

  /// The family's name, key `model_type`.
  public String modelType() {
    return value("model_type")
        .filter(JsonNode::isString)
        .map(JsonNode::asString)
        .orElseThrow(() ->
            new FormatException(
                "config.json: no model_type. A checkpoint in the Hugging Face layout has one."));
  }

  /// The value of `key`; nothing when it is absent or null.
  public Optional<JsonNode> value(String key) {
    return node(key).filter(node -> !node.isNull());
  }

  /// Whether `key` is there, be it null.
  public boolean has(String key) {
    return node(key).isPresent();
  }

  private Optional<JsonNode> node(String key) {
    Optional<JsonNode> node = Optional.of(tree);
    for (String part : path(key)) {
      node = node.map(object -> object.get(part));
    }
    return node;
  }

  private static List<String> path(String key) {
    return List.of(key.split("\\.", -1));
  }

  /// This configuration with `key` set to an integer, where it stands or else at the end.
  public ModelConfig with(String key, long value) {
    return parse(JsonEdit.set(text, path(key), Long.toString(value)));
  }
}
