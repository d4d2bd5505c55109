package io.moepress.calibrate.corpus;

import io.moepress.calibrate.corpus.Sample.Chat;
import io.moepress.calibrate.corpus.Sample.Question;
import io.moepress.calibrate.corpus.Sample.Text;
import io.moepress.calibrate.corpus.Sample.TokenIds;
import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.json.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads JSON lines, one sample each; blank lines are skipped.
public final class SampleFile {
  private static final String EXPECTED =
      "expected {\"text\": ...}, {\"messages\": [...]}, {\"input_ids\": [...]} or {\"context\": ...,"
          + " \"choices\": [...], \"answer\": index}";

  private static final TypeReference<LinkedHashMap<String, Object>> MESSAGE =
      new TypeReference<>() {};

  private SampleFile() {}

  /// Reads all samples of a file.
  ///
  /// @throws FormatException naming file and line when one is malformed, or when there is none
  public static List<Sample> read(Path file) throws IOException {
    Checks.requireFormat(Files.isRegularFile(file), "%s: no such file", file);
    List<Sample> samples = new ArrayList<>();
    // Split as bytes, so that one line's encoding is that line's error; UTF-8 allows it.
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
      int number = 0;
      for (String bytes = reader.readLine(); bytes != null; bytes = reader.readLine()) {
        String where = file + ":" + ++number;
        String line = decode(bytes.getBytes(StandardCharsets.ISO_8859_1), where);
        if (!line.isBlank()) {
          samples.add(sample(line, where));
        }
      }
    }
    Checks.requireFormat(
        !samples.isEmpty(), "%s: the file holds no samples (JSON lines; %s)", file, EXPECTED);
    return samples;
  }

  /// The text of a file of plain text.
  ///
  /// @throws FormatException when it is not UTF-8, or blank
  static String text(Path file) throws IOException {
    String text = decode(Files.readAllBytes(file), file.toString());
    Checks.requireFormat(!text.isBlank(), "%s: the file holds no text", file);
    return text;
  }

  private static String decode(byte[] bytes, String where) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(where + ": not valid UTF-8", e);
    }
  }

  private static Sample sample(String line, String where) {
    ObjectNode node = Json.object(line, where);
    if (node.path("text").isString()) {
      return new Text(node.get("text").asString());
    }
    if (node.path("messages").isArray()) {
      return new Chat(messages(node.get("messages"), where), where);
    }
    if (node.path("input_ids").isArray()) {
      return new TokenIds(ids(node.get("input_ids"), where));
    }
    if (node.has("context") && node.has("choices") && node.has("answer")) {
      return question(node, where);
    }
    throw FormatException.of("%s: keys %s (%s)", where, node.propertyNames(), EXPECTED);
  }

  private static List<Map<String, Object>> messages(JsonNode node, String where) {
    Checks.requireFormat(!node.isEmpty(), "%s: no messages (expected at least one)", where);
    List<Map<String, Object>> messages = new ArrayList<>();
    for (JsonNode message : node) {
      Checks.requireFormat(
          message.path("role").isString() && (message.has("content") || message.has("tool_calls")),
          "%s: message %d: %s (expected {\"role\": ..., \"content\": ...})",
          where,
          messages.size() + 1,
          Words.shown(message.toString()));
      messages.add(Json.mapper().convertValue(message, MESSAGE));
    }
    return messages;
  }

  private static int[] ids(JsonNode node, String where) {
    return node.valueStream()
        .mapToInt(id -> {
          Checks.requireFormat(
              id.isInt() && id.asInt() >= 0, "%s: token id %s (expected an index)", where, id);
          return id.asInt();
        })
        .toArray();
  }

  private static Question question(ObjectNode node, String where) {
    List<String> choices =
        node.get("choices")
            .valueStream()
            .filter(JsonNode::isString)
            .map(JsonNode::asString)
            .toList();
    JsonNode index = node.get("answer");
    int answer = index.isInt() ? index.asInt() : -1;
    Checks.requireFormat(
        node.get("context").isString()
            && node.get("choices").isArray()
            && choices.size() == node.get("choices").size()
            && choices.size() >= 2
            && choices.stream().noneMatch(String::isEmpty)
            && answer >= 0
            && answer < choices.size(),
        "%s: a question needs a text as context, two or more texts as choices, and the index of one"
            + " of them as answer",
        where);
    return new Question(node.get("context").asString(), choices, answer);
  }
}
