package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// The tokenizer of a GGUF file, from the files beside a checkpoint: `tokenizer.json`,
/// `tokenizer_config.json` and the chat template.
///
/// Two kinds of byte-pair encoding are known: over the alphabet of bytes (`gpt2` in llama.cpp), and
/// as SentencePiece has it, with tokens for bytes that nothing else spells (`llama`).
public final class GgufTokenizer {
  /// First part of all keys of a tokenizer.
  public static final String PREFIX = "tokenizer.";

  private static final String WAY_OUT =
      " Copy the tokenizer of a GGUF of the same base model with --tokenizer-from FILE.gguf.";
  private static final String GPT2_SPLIT = "gpt-2";

  private final ObjectNode tokenizer;
  private final ObjectNode settings;
  private final ModelConfig config;
  private final TokenTable table;
  private final Map<String, GgufValue> values = new LinkedHashMap<>();
  private final List<String> notes = new ArrayList<>();

  /// A tokenizer as metadata.
  ///
  /// @param values by key
  /// @param notes what is worth knowing, a sentence each
  public record Section(Map<String, GgufValue> values, List<String> notes) {}

  private GgufTokenizer(ObjectNode tokenizer, ObjectNode settings, ModelConfig config, int rows) {
    this.tokenizer = tokenizer;
    this.settings = settings;
    this.config = config;
    this.table = TokenTable.of(tokenizer, rows);
  }

  /// Reads the files of a checkpoint.
  ///
  /// @param directory where they are
  /// @param rows tokens that the embedding has; those without a text become `[PAD<id>]`
  /// @param preTokenizer the family's way to split text, by llama.cpp's name; null: none is known
  /// @throws FormatException when there is none, or one of a kind that is not known
  public static Section of(
      Path directory, ModelConfig config, int rows, @Nullable String preTokenizer)
      throws IOException {
    Path file = directory.resolve("tokenizer.json");
    Checks.requireFormat(
        Files.isRegularFile(file),
        "%s: no tokenizer.json (expected one, for the tokenizer of the GGUF).%s",
        directory,
        WAY_OUT);
    GgufTokenizer tokenizer =
        new GgufTokenizer(
            Json.object(file), optional(directory.resolve("tokenizer_config.json")), config, rows);
    tokenizer.addModel(preTokenizer);
    tokenizer.addSpecialTokens();
    tokenizer.addTemplate(directory);
    return new Section(tokenizer.values, tokenizer.notes);
  }

  /// The tokenizer of another GGUF file.
  ///
  /// @param rows tokens that the embedding has
  /// @throws FormatException when it has none, or one with another number of tokens
  public static Section copy(GgufFile source, int rows) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    source
        .header()
        .metadata()
        .forEach((key, value) -> {
          if (key.startsWith(PREFIX)) {
            values.put(key, value);
          }
        });
    long tokens =
        values.get(PREFIX + "ggml.tokens") instanceof GgufValue.Many many ? many.items().size() : 0;
    Checks.requireFormat(
        tokens == rows,
        "%s: a tokenizer of %d tokens (expected %d, the rows of the embedding). Take a GGUF of the"
            + " same base model.",
        source.path(),
        tokens,
        rows);
    return new Section(values, List.of());
  }

  private static ObjectNode optional(Path file) throws IOException {
    return Files.isRegularFile(file) ? Json.object(file) : JsonNodeFactory.instance.objectNode();
  }

  private void put(String key, GgufValue value) {
    values.put(PREFIX + "ggml." + key, value);
  }

  private void addModel(@Nullable String preTokenizer) {
    JsonNode model = tokenizer.path("model");
    String type = model.path("type").asString("BPE");
    boolean bytes = has("pre_tokenizer", "ByteLevel") || has("decoder", "ByteLevel");
    boolean fallback = model.path("byte_fallback").asBoolean(false);
    if (!type.equals("BPE") || !(bytes || fallback)) {
      throw FormatException.of(
          "tokenizer.json: a tokenizer of the kind %s (expected byte-pair encoding, of bytes or with"
              + " tokens for bytes).%s",
          Words.quoted(type), WAY_OUT);
    }
    put("model", GgufValue.text(bytes ? "gpt2" : "llama"));
    if (bytes) {
      put("pre", GgufValue.text(splitting(preTokenizer)));
    }
    put("tokens", GgufValue.texts(table.tokens()));
    put("token_type", table.types());
    if (bytes) {
      put("merges", GgufValue.texts(table.merges()));
    } else {
      put("scores", table.scores());
      put("add_space_prefix", GgufValue.flag(prependsSpace()));
    }
  }

  /// A tokenizer of bytes that has no pattern of its own splits as GPT-2 does. Any other pattern
  /// cannot be told by llama.cpp's name, and is taken to be the family's.
  private String splitting(@Nullable String preTokenizer) {
    JsonNode steps = tokenizer.path("pre_tokenizer");
    if (steps.path("type").asString("").equals("ByteLevel")
        && steps.path("use_regex").asBoolean(true)) {
      return GPT2_SPLIT;
    }
    if (preTokenizer == null) {
      throw new FormatException(
          "tokenizer.json: it splits text in a way that has no known name in llama.cpp." + WAY_OUT);
    }
    notes.add(
        "text is split as \""
            + preTokenizer
            + "\" in llama.cpp, as the tokenizers of this family do; for a tokenizer of another"
            + " kind, copy one with --tokenizer-from");
    return preTokenizer;
  }

  private boolean prependsSpace() {
    String metaspace = String.valueOf(step("pre_tokenizer", "Metaspace").orElse(tokenizer));
    return has("normalizer", "Prepend")
        || (has("pre_tokenizer", "Metaspace") && !metaspace.contains("\"never\""));
  }

  private boolean has(String part, String type) {
    return step(part, type).isPresent();
  }

  /// The step of a type in a part of the tokenizer, which may be a sequence of steps.
  private Optional<JsonNode> step(String part, String type) {
    return steps(tokenizer.path(part)).stream()
        .filter(step -> step.path("type").asString("").equals(type))
        .findFirst();
  }

  private static List<JsonNode> steps(JsonNode part) {
    List<JsonNode> steps = new ArrayList<>();
    if (part.path("type").asString("").equals("Sequence")) {
      part.valueStream()
          .filter(JsonNode::isArray)
          .flatMap(JsonNode::valueStream)
          .forEach(steps::add);
    } else {
      steps.add(part);
    }
    return steps;
  }

  private void addSpecialTokens() {
    Optional<Integer> first = special("bos", "bos_token_id");
    Optional<Integer> last = special("eos", "eos_token_id");
    special("unk", "unknown_token_id");
    special("sep", "seperator_token_id"); // the key is spelt so
    special("pad", "padding_token_id");
    special("mask", "mask_token_id");
    put("add_bos_token", GgufValue.flag(first.isPresent() && adds("add_bos_token", first.get())));
    put("add_eos_token", GgufValue.flag(last.isPresent() && adds("add_eos_token", last.get())));
  }

  private Optional<Integer> special(String name, String key) {
    JsonNode named = settings.path(name + "_token");
    String text = named.isObject() ? named.path("content").asString("") : named.asString("");
    Optional<Integer> id = table.id(text).or(() -> configured(name + "_token_id"));
    id.ifPresent(found -> put(key, GgufValue.count(found)));
    return id;
  }

  /// The number in `config.json`, of several the first.
  private Optional<Integer> configured(String key) {
    return config
        .value(key)
        .map(node -> node.isArray() && !node.isEmpty() ? node.get(0) : node)
        .filter(node -> node.isInt() && node.asInt() >= 0 && node.asInt() < table.size())
        .map(JsonNode::asInt);
  }

  /// Whether the tokenizer puts a token before or behind every text.
  private boolean adds(String key, int id) {
    JsonNode setting = settings.path(key);
    if (setting.isBoolean()) {
      return setting.asBoolean();
    }
    JsonNode template =
        step("post_processor", "TemplateProcessing").orElse(settings).path("single");
    JsonNode place =
        template.path(key.equals("add_bos_token") ? 0 : Math.max(0, template.size() - 1));
    String text = place.path("SpecialToken").path("id").asString("");
    return table.id(text).filter(found -> found == id).isPresent();
  }

  private void addTemplate(Path directory) throws IOException {
    Path file = directory.resolve("chat_template.jinja");
    String text = Files.isRegularFile(file) ? Json.text(file) : template();
    if (!text.isEmpty()) {
      values.put(PREFIX + "chat_template", GgufValue.text(text));
    }
  }

  /// The template of the settings, of several the one called "default"; empty when there is none.
  private String template() {
    JsonNode template = settings.path("chat_template");
    return template.isArray()
        ? template
            .valueStream()
            .filter(one -> one.path("name").asString("").equals("default"))
            .map(one -> one.path("template").asString(""))
            .findFirst()
            .orElse("")
        : template.asString("");
  }
}
