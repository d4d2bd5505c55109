package io.moepress.formats.safetensors;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonParser.NumberType;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/// Reads the JSON of a safetensors header token by token, since a stranger wrote it: numbers must
/// be integers as written, names must be unique after unescaping, and nothing is built from fields
/// we do not know.
final class HeaderParser {
  static final String METADATA = "__metadata__";

  private static final int MAX_TENSORS = 250_000;
  private static final int MAX_NAME = 1_000;
  private static final int MAX_RANK = 32;
  private static final int MAX_DEPTH = 64;
  private static final int MAX_LATEST = 16;

  /// Longer than anything that is legal, so that the message is ours.
  private static final int PARSER_LIMIT = 4_000_000;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          // The table of names that this would keep across files breaks down when names collide.
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNameLength(PARSER_LIMIT)
                  .maxStringLength(PARSER_LIMIT)
                  .maxNumberLength(PARSER_LIMIT)
                  .build())
          .build();

  private final String where;
  private final String json;
  private final List<Entry> entries = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private final Deque<Shape> latest = new ArrayDeque<>();
  private @Nullable Map<String, String> metadata;

  HeaderParser(String where, String json) {
    this.where = where;
    this.json = json;
  }

  List<Entry> entries() {
    return entries;
  }

  Map<String, String> metadata() {
    return metadata == null ? Map.of() : metadata;
  }

  static String decodeUtf8(String where, byte[] bytes) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes))
          .toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(where + ": the header is not valid UTF-8", e);
    }
  }

  void parse() {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      require(parser.nextToken() == JsonToken.START_OBJECT, "the header is not a JSON object");
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        property(parser, parser.currentName());
      }
      require(parser.nextToken() == null, "the header has more behind its JSON object");
    } catch (JacksonException e) {
      throw new FormatException(
          where + ": the header is not valid JSON: " + e.getOriginalMessage(), e);
    }
  }

  private void property(JsonParser parser, String name) {
    parser.nextToken();
    if (name.equals(METADATA)) {
      require(metadata == null, "duplicate __metadata__");
      metadata = metadata(parser);
      return;
    }
    requireName(name);
    if (!names.add(name)) {
      throw broken("duplicate tensor " + name);
    }
    require(entries.size() < MAX_TENSORS, "more than " + MAX_TENSORS + " tensors");
    entries.add(entry(parser, name));
  }

  private void requireName(String name) {
    require(!name.isEmpty(), "a tensor with an empty name");
    if (name.length() > MAX_NAME) {
      throw broken("a tensor name of " + name.length() + " characters (at most " + MAX_NAME + ")");
    }
    if (!Words.printable(name).equals(name)) {
      throw broken(
          "a tensor name with control characters or half a surrogate pair: " + Words.quoted(name));
    }
  }

  private static boolean isText(String value) {
    return value.codePoints().noneMatch(c -> Character.getType(c) == Character.SURROGATE);
  }

  private Map<String, String> metadata(JsonParser parser) {
    Map<String, String> values = new LinkedHashMap<>();
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return values;
    }
    require(parser.currentToken() == JsonToken.START_OBJECT, "__metadata__ is not an object");
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      require(
          parser.nextToken() == JsonToken.VALUE_STRING,
          "__metadata__: value of " + Words.quoted(key) + " is not a string");
      String value = parser.getString();
      require(
          isText(key) && isText(value),
          "__metadata__: half a surrogate pair at " + Words.quoted(key));
      values.put(key, value);
    }
    return values;
  }

  private Entry entry(JsonParser parser, String name) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw broken("tensor " + name + ": not an object");
    }
    String tensor = "tensor " + name + ": ";
    Set<String> fields = new HashSet<>();
    DType dtype = null;
    Shape shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String field = parser.currentName();
      if (!fields.add(field)) {
        throw broken(tensor + "duplicate field " + Words.quoted(field));
      }
      parser.nextToken();
      switch (field) {
        case "dtype" -> dtype = dtype(parser, tensor);
        case "shape" -> shape = shared(new Shape(integers(parser, tensor, field)));
        case "data_offsets" -> offsets = integers(parser, tensor, field);
        default -> parser.skipChildren();
      }
    }
    if (dtype == null || shape == null || offsets == null) {
      throw broken(tensor + "needs dtype, shape and data_offsets, has " + known(fields));
    }
    if (offsets.size() != 2) {
      throw broken(tensor + "data_offsets must be two integers: " + offsets);
    }
    return checked(new TensorInfo(name, dtype, shape), offsets.get(0), offsets.get(1));
  }

  /// One object for the tensors of an extent, for most of those of a file: few extents take turns.
  /// All are not remembered, since a stranger can make up any number of one hash.
  private Shape shared(Shape shape) {
    for (Shape seen : latest) {
      if (seen.equals(shape)) {
        return seen;
      }
    }
    latest.addFirst(shape);
    if (latest.size() > MAX_LATEST) {
      latest.removeLast();
    }
    return shape;
  }

  private static List<String> known(Set<String> fields) {
    return Stream.of("dtype", "shape", "data_offsets").filter(fields::contains).toList();
  }

  private DType dtype(JsonParser parser, String tensor) {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw broken(tensor + "dtype is not a string");
    }
    String name = parser.getString();
    return DType.named(name)
        .orElseThrow(() -> broken(tensor + "unknown dtype " + Words.quoted(name)));
  }

  private List<Long> integers(JsonParser parser, String tensor, String field) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw broken(tensor + field + " is not an array");
    }
    List<Long> values = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (!isCount(parser)) {
        throw broken(
            tensor
                + field
                + " must hold non-negative integers below 2^63: "
                + Words.shown(parser.getString()));
      }
      values.add(parser.getLongValue());
      if (values.size() > MAX_RANK) {
        throw broken(tensor + field + " has more than " + MAX_RANK + " entries");
      }
    }
    return values;
  }

  private static boolean isCount(JsonParser parser) {
    return parser.currentToken() == JsonToken.VALUE_NUMBER_INT
        && parser.getNumberType() != NumberType.BIG_INTEGER
        && parser.getLongValue() >= 0
        && (parser.getLongValue() > 0 || parser.getString().equals("0")); // and not -0
  }

  private Entry checked(TensorInfo info, long begin, long end) {
    Checks.requireFormat(
        begin <= end,
        "%s: tensor %s: data_offsets begin behind their end: %d, %d",
        where,
        info.name(),
        begin,
        end);
    long bits;
    try {
      bits = Math.multiplyExact(info.shape().elementCount(), (long) info.dtype().bits());
    } catch (ArithmeticException e) {
      throw new FormatException(
          Checks.text(
              "%s: tensor %s: overflow: shape %s has too many elements",
              where, info.name(), info.shape()),
          e);
    }
    Checks.requireFormat(
        bits % Byte.SIZE == 0,
        "%s: tensor %s: %d bits do not fill whole bytes",
        where,
        info.name(),
        bits);
    Checks.requireFormat(
        bits / Byte.SIZE == end - begin,
        "%s: tensor %s: size mismatch: %s %s needs %d bytes, data_offsets give %d",
        where,
        info.name(),
        info.dtype(),
        info.shape(),
        bits / Byte.SIZE,
        end - begin);
    return new Entry(info, begin, end);
  }

  private void require(boolean expected, String message) {
    if (!expected) {
      throw broken(message);
    }
  }

  private FormatException broken(String message) {
    return new FormatException(where + ": " + message);
  }
}
