package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import tools.jackson.databind.JsonNode;

/// The tokens of a `tokenizer.json`, in the order of their numbers.
final class TokenTable {
  private static final long NORMAL = 1;
  private static final long UNKNOWN = 2;
  private static final long CONTROL = 3;
  private static final long USER_DEFINED = 4;
  private static final long UNUSED = 5;
  private static final long BYTE = 6;

  private static final Pattern BYTE_TOKEN = Pattern.compile("<0x[0-9A-F]{2}>");

  /// What the makers of tokenizers write for control tokens, marked as such or not.
  private static final Pattern LOOKS_CONTROL =
      Pattern.compile("<\\|.*\\|>|<｜.*｜>|<pad>|<mask>|<unused.*>|\\[@BOS@]", Pattern.DOTALL);

  private final String[] tokens;
  private final long[] types;
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<String> merges = new ArrayList<>();

  private TokenTable(int rows) {
    this.tokens = new String[rows];
    this.types = new long[rows];
    Arrays.fill(types, UNUSED);
    for (int id = 0; id < rows; id++) {
      tokens[id] = "[PAD" + id + "]";
    }
  }

  /// @throws FormatException for a token without a place in the embedding, or a malformed file
  static TokenTable of(JsonNode tokenizer, int rows) {
    TokenTable table = new TokenTable(rows);
    JsonNode model = tokenizer.path("model");
    boolean fallback = model.path("byte_fallback").asBoolean(false);
    String unknown = model.path("unk_token").asString("");
    model
        .path("vocab")
        .properties()
        .forEach(entry -> {
          boolean isByte = fallback && BYTE_TOKEN.matcher(entry.getKey()).matches();
          long type = isByte ? BYTE : orUnknown(entry.getKey(), unknown, NORMAL);
          table.put(entry.getKey(), entry.getValue(), type);
        });
    tokenizer.path("added_tokens").valueStream().forEach(token -> table.add(token, unknown));
    model.path("merges").valueStream().forEach(table::merge);
    return table;
  }

  private static long orUnknown(String text, String unknown, long type) {
    return text.equals(unknown) ? UNKNOWN : type;
  }

  private void add(JsonNode token, String unknown) {
    String text = token.path("content").asString("");
    boolean control =
        token.path("special").asBoolean(false) || LOOKS_CONTROL.matcher(text).matches();
    put(text, token.path("id"), orUnknown(text, unknown, control ? CONTROL : USER_DEFINED));
  }

  private void put(String text, JsonNode number, long type) {
    int id = number.isInt() ? number.asInt() : -1;
    Checks.requireFormat(
        id >= 0 && id < tokens.length,
        "tokenizer.json: token %s has the number %s (expected 0 to %d, the rows of the embedding)",
        Words.quoted(text),
        Words.shown(number.toString()),
        tokens.length - 1);
    Checks.requireFormat(
        types[id] == UNUSED || tokens[id].equals(text),
        "tokenizer.json: tokens %s and %s have the same number %d",
        Words.quoted(tokens[id]),
        Words.quoted(text),
        id);
    tokens[id] = text;
    types[id] = type;
    ids.put(text, id);
  }

  /// A pair is an array of two texts, or one text with a space between them.
  private void merge(JsonNode pair) {
    String text =
        pair.isArray() && pair.size() == 2
            ? part(pair.get(0)) + " " + part(pair.get(1))
            : pair.asString("");
    if (text.indexOf(' ') < 0) {
      throw FormatException.of(
          "tokenizer.json: merge %s (expected two texts)", Words.shown(pair.toString()));
    }
    merges.add(text);
  }

  /// The space between two parts must be the only one; the alphabet of bytes has another for it.
  private static String part(JsonNode text) {
    return text.asString("").replace(' ', (char) (' ' + 256));
  }

  int size() {
    return tokens.length;
  }

  Optional<Integer> id(String token) {
    return Optional.ofNullable(ids.get(token));
  }

  List<String> tokens() {
    return List.of(tokens);
  }

  GgufValue types() {
    return new GgufValue.Many(
        GgufKind.I32,
        Collections.unmodifiableList(new ArrayList<Object>(LongStream.of(types).boxed().toList())));
  }

  List<String> merges() {
    return Collections.unmodifiableList(merges);
  }

  /// SentencePiece joins the pair whose result scores highest, so that scores need only have the
  /// order of the merges: minus the place of the first merge that makes a token. Tokens that no
  /// merge makes come behind all of them, in the order of their numbers; control tokens have 0.
  GgufValue scores() {
    Map<String, Integer> places = new HashMap<>();
    for (String merge : merges) {
      places.putIfAbsent(merge.replace(" ", ""), places.size());
    }
    List<Object> scores = new ArrayList<>();
    for (int id = 0; id < tokens.length; id++) {
      boolean spoken = types[id] == NORMAL || types[id] == USER_DEFINED;
      int place = places.getOrDefault(tokens[id], places.size() + id);
      scores.add(spoken ? -(double) place : 0.0);
    }
    return new GgufValue.Many(GgufKind.F32, scores);
  }
}
