package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import io.moepress.formats.json.JsonEdit;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The `config.json` of a checkpoint. Edits give a new one in which all other text stays as it was.
///
/// A key with dots leads into nested objects: `text_config.num_experts`.
///
/// Beside it may stand an architecture file that the user gave for this checkpoint.
public final class ModelConfig {
  private final String text;
  private final ObjectNode tree;

  private final @Nullable Supplied architecture;

  /// An architecture file as the user gave it.
  ///
  /// @param tree its JSON
  /// @param where the file
  public record Supplied(ObjectNode tree, String where) {}

  private ModelConfig(String text, ObjectNode tree, @Nullable Supplied architecture) {
    this.text = text;
    this.tree = tree;
    this.architecture = architecture;
  }

  /// Parses the text of a `config.json`.
  ///
  /// @throws FormatException when it is not a JSON object, or repeats a key
  public static ModelConfig parse(String text) {
    return new ModelConfig(text, Json.object(text, "config.json"), null);
  }

  /// This configuration with an architecture file that describes it.
  public ModelConfig describedBy(Supplied supplied) {
    return new ModelConfig(text, tree, supplied);
  }

  /// The architecture file that the user gave, if there is one.
  public Optional<Supplied> architecture() {
    return Optional.ofNullable(architecture);
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
    return edited(key, Long.toString(value));
  }

  /// This configuration with `key` set to a list of integers, where it stands or else at the end.
  public ModelConfig with(String key, List<Integer> values) {
    return edited(key, values.toString());
  }

  /// This configuration with `key` set to an object, where it stands or else at the end.
  public ModelConfig with(String key, JsonNode value) {
    String indented = Json.pretty(value).strip().replace("\n", "\n  ");
    return edited(key, indented);
  }

  private ModelConfig edited(String key, String json) {
    ModelConfig edited = parse(JsonEdit.set(text, path(key), json));
    return architecture == null ? edited : edited.describedBy(architecture);
  }
}
