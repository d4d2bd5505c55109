package io.moepress.calibrate.chat;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Finds the chat template of a checkpoint: `chat_template.jinja`, else `chat_template` in
/// `tokenizer_config.json`, which is a text or a list of `{"name", "template"}` with one that is
/// named `default`.
///
/// Special tokens, such as `bos_token`, are texts or objects with the text as `content`, in
/// `tokenizer_config.json` or else in `special_tokens_map.json`.
public final class ChatTemplateFile {
  private static final String FILE = "chat_template.jinja";
  private static final String CONFIG = "tokenizer_config.json";
  private static final String SPECIAL_TOKENS = "special_tokens_map.json";
  private static final String KEY = "chat_template";

  private ChatTemplateFile() {}

  /// Opens the template of a checkpoint directory.
  ///
  /// @throws FormatException when it has none, or one that cannot be used
  public static ChatTemplate open(Path checkpoint) throws IOException {
    Map<String, String> tokens = new HashMap<>();
    addTokens(checkpoint.resolve(SPECIAL_TOKENS), tokens);
    addTokens(checkpoint.resolve(CONFIG), tokens);
    Path file = checkpoint.resolve(FILE);
    if (Files.isRegularFile(file)) {
      return new ChatTemplate(Json.text(file), file.toString(), tokens);
    }
    Path config = checkpoint.resolve(CONFIG);
    if (Files.isRegularFile(config) && Json.object(config).hasNonNull(KEY)) {
      String template = template(Json.object(config).get(KEY), config);
      return new ChatTemplate(template, config.toString(), tokens);
    }
    throw FormatException.of(
        "%s: no chat template to make a text of messages (expected %s, or %s in %s). Give texts"
            + " instead, as JSON lines {\"text\": ...}.",
        checkpoint, FILE, KEY, CONFIG);
  }

  private static String template(JsonNode node, Path config) {
    if (node.isString()) {
      return node.asString();
    }
    List<String> names = new ArrayList<>();
    for (JsonNode choice : node) {
      String name = choice.path("name").asString("");
      if (name.equals("default") && choice.path("template").isString()) {
        return choice.get("template").asString();
      }
      names.add(name);
    }
    throw FormatException.of(
        "%s: %s: no template named default, only %s (expected a text, or a list of {\"name\","
            + " \"template\"})",
        config, KEY, names);
  }

  private static void addTokens(Path file, Map<String, String> tokens) throws IOException {
    if (!Files.isRegularFile(file)) {
      return;
    }
    ObjectNode node = Json.object(file);
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      JsonNode value = entry.getValue();
      JsonNode text = value.isObject() ? value.path("content") : value;
      if (entry.getKey().endsWith("_token") && text.isString()) {
        tokens.put(entry.getKey(), text.asString());
      }
    }
  }
}
