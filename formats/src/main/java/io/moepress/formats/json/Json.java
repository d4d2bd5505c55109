package io.moepress.formats.json;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.InjectableValues;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// JSON as we read and write it: UTF-8, no duplicate keys (but see [#stream]), no unknown
/// properties, keys in the order of the file, two spaces, numbers side by side in their array.
public final class Json {
  private static final int MAX_DEPTH = 64;
  private static final long MAX_LENGTH = 256L << 20;

  /// Numbers stand side by side in their array, without space inside the brackets.
  private static final DefaultPrettyPrinter.NopIndenter NO_INDENTATION =
      DefaultPrettyPrinter.NopIndenter.instance();

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  // The table of names that this would keep breaks down when names collide.
                  .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxDocumentLength(MAX_LENGTH)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .annotationIntrospector(new RequiredUnlessNullable())
          .build();

  private static final ObjectReader STREAMING =
      MAPPER.reader().without(StreamReadFeature.STRICT_DUPLICATE_DETECTION);

  private Json() {}

  /// The mapper behind these functions, for binding trees to records.
  public static JsonMapper mapper() {
    return MAPPER;
  }

  /// Parses a JSON object.
  ///
  /// @param where what to call the text in an error, usually its file
  public static ObjectNode object(String text, String where) {
    JsonNode node = tree(text, where);
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw FormatException.of("%s: found %s (expected an object)", where, node.getNodeType());
  }

  /// Reads a JSON object from a file.
  public static ObjectNode object(Path file) throws IOException {
    return object(text(file), file.toString());
  }

  /// Takes an object token by token.
  @FunctionalInterface
  public interface Tokens {
    /// Takes all of it.
    ///
    /// @param parser stands at the brace that opens the object, and in the end at the one that
    ///   closes it
    void take(JsonParser parser) throws IOException;
  }

  /// Reads a JSON object from a file token by token, for files with so many entries that a tree of
  /// them would be larger than all that is made of it. Names that come twice are left to whoever
  /// takes the tokens: the parser would keep all names to see them.
  public static void stream(Path file, Tokens tokens) throws IOException {
    requireLength(file, MAX_LENGTH);
    try (Reader text = Files.newBufferedReader(file);
        JsonParser parser = STREAMING.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        object(file); // has the words for what it is instead
      }
      tokens.take(parser);
      Checks.requireFormat(parser.nextToken() == null, "%s: more behind its object", file);
    } catch (JacksonException e) {
      if (e.getCause() instanceof CharacterCodingException) {
        throw new FormatException(file + ": not valid UTF-8", e);
      }
      if (e.getCause() instanceof IOException unread) { // says nothing of what is in the file
        throw new IOException(file + ": " + unread.getMessage(), unread);
      }
      throw new FormatException(file + ": not valid JSON: " + firstLine(e), e);
    }
  }

  private static void requireLength(Path file, long most) throws IOException {
    long size = Files.size(file);
    Checks.requireFormat(size <= most, "%s: %d bytes (expected at most %d)", file, size, most);
  }

  /// Reads the text of a JSON file.
  ///
  /// @throws FormatException when it is not UTF-8, or longer than any JSON of ours
  public static String text(Path file) throws IOException {
    return text(file, MAX_LENGTH);
  }

  /// Reads the text of a JSON file of a kind that is small: what is made of it may take a hundred
  /// times as much memory.
  ///
  /// @param most the bytes it may have
  public static String text(Path file, long most) throws IOException {
    requireLength(file, most);
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": not valid UTF-8", e);
    }
  }

  /// Reads a file into a record.
  public static <T> T read(Path file, Class<T> type) throws IOException {
    return bind(object(file), type, file.toString());
  }

  /// Reads a file into a record whose parts are given a value that is not in the file.
  ///
  /// @param injected what every property marked for injection with this type gets
  public static <T, V> T read(Path file, Class<T> type, Class<V> injectedType, V injected)
      throws IOException {
    return bind(object(file), type, injectedType, injected, file.toString());
  }

  /// Binds a tree to a record whose parts are given a value that is not in the tree.
  ///
  /// @param injected what every property marked for injection with this type gets
  public static <T, V> T bind(
      JsonNode node, Class<T> type, Class<V> injectedType, V injected, String where) {
    ObjectReader reader =
        MAPPER.readerFor(type).with(new InjectableValues.Std().addValue(injectedType, injected));
    return bind(node, reader::readValue, where);
  }

  /// Binds a tree to a record; a missing, unknown or mistyped property is an error.
  public static <T> T bind(JsonNode node, Class<T> type, String where) {
    return bind(node, tree -> MAPPER.treeToValue(tree, type), where);
  }

  private static <T> T bind(JsonNode node, Function<JsonNode, T> binding, String where) {
    try {
      return binding.apply(node);
    } catch (JacksonException e) {
      throw new FormatException(where + ": " + complaint(e), e);
    }
  }

  /// What a record says about its components needs no words of the mapper around it.
  private static String complaint(JacksonException e) {
    return e.getCause() instanceof FormatException
            || e.getCause() instanceof IllegalArgumentException
        ? String.valueOf(e.getCause().getMessage())
        : firstLine(e);
  }

  /// Renders a value as indented JSON with a newline at the end.
  public static String pretty(Object value) {
    Separators separators =
        Separators.createDefaultInstance()
            .withObjectNameValueSpacing(Separators.Spacing.AFTER)
            .withArrayElementSpacing(Separators.Spacing.AFTER)
            .withArrayEmptySeparator("")
            .withObjectEmptySeparator("");
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter(separators)
            .withObjectIndenter(new DefaultIndenter("  ", "\n"))
            .withArrayIndenter(NO_INDENTATION);
    return MAPPER.writer().with(printer).writeValueAsString(value) + "\n";
  }

  /// Writes a value as indented JSON. The file appears, or changes, all at once.
  public static void write(Path file, Object value) throws IOException {
    Path stage = file.resolveSibling(file.getFileName() + ".partial");
    Files.write(stage, pretty(value).getBytes(StandardCharsets.UTF_8));
    Files.move(stage, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static JsonNode tree(String text, String where) {
    try {
      return MAPPER.readTree(text);
    } catch (JacksonException e) {
      throw new FormatException(where + ": not valid JSON: " + firstLine(e), e);
    }
  }

  private static String firstLine(JacksonException e) {
    String place =
        e.getLocation() == null || e.getLocation().getLineNr() < 0
            ? ""
            : " (line " + e.getLocation().getLineNr() + ")";
    return e.getOriginalMessage() + place;
  }
}
