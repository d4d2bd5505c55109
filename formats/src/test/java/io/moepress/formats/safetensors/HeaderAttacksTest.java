package io.moepress.formats.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.Words;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.testdata.BrokenSafetensors;
import io.moepress.testdata.BrokenSafetensors.Attack;
import io.moepress.testdata.SafetensorsBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Headers as strangers write them.
class HeaderAttacksTest {
  private static final byte[] NOTHING = {};

  @TempDir private Path folder;

  static List<Attack> broken() {
    return BrokenSafetensors.all();
  }

  static List<Attack> legal() {
    return BrokenSafetensors.legal();
  }

  @ParameterizedTest
  @MethodSource("broken")
  void brokenFileIsRefused(Attack attack) throws IOException {
    String message = refusal(attack.bytes());
    assertThat(message.toLowerCase(Locale.ROOT)).contains(attack.expectedMessagePart());
    assertThat(message).hasSizeLessThan(1_500).isEqualTo(Words.printable(message));
  }

  /// The expectation is the header as a general JSON parser reads it.
  @ParameterizedTest
  @MethodSource("legal")
  void legalFileIsReadAsItsHeaderSays(Attack attack) throws IOException {
    JsonNode tree = JsonMapper.builder().build().readTree(json(attack.bytes()));
    try (SafetensorsFile file = SafetensorsFile.open(write(attack.bytes()))) {
      Map<String, String> found = new TreeMap<>();
      for (Entry entry : file.header().entries()) {
        found.put(entry.info().name(), description(entry));
      }
      Map<String, String> expected = new TreeMap<>();
      tree.properties().stream()
          .filter(property -> !property.getKey().equals("__metadata__"))
          .forEach(property -> expected.put(property.getKey(), description(property.getValue())));
      assertThat(found).isEqualTo(expected);
      assertThat(file.header().fileSize()).isEqualTo(attack.bytes().length);
    }
  }

  @ParameterizedTest
  @MethodSource("legal")
  void dataOfALegalFileCanBeRead(Attack attack) throws IOException {
    byte[] bytes = attack.bytes().clone();
    int start = 8 + json(bytes).getBytes(StandardCharsets.UTF_8).length;
    for (int i = start; i < bytes.length; i++) {
      bytes[i] = (byte) (i - start + 1); // the value tells the place
    }
    try (SafetensorsFile file = SafetensorsFile.open(write(bytes));
        Arena arena = Arena.ofConfined()) {
      for (Entry entry : file.header().entries()) {
        MemorySegment data = file.read(entry.info().name(), arena).bytes();
        assertThat(data.toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(
                Arrays.copyOfRange(bytes, start + (int) entry.begin(), start + (int) entry.end()));
      }
    }
  }

  @Test
  void lastOfRepeatedMetadataWins() throws IOException {
    byte[] bytes =
        SafetensorsBytes.file("{\"__metadata__\":{\"a\":\"1\",\"b\":\"x\",\"a\":\"2\"}}", NOTHING);
    try (SafetensorsFile file = SafetensorsFile.open(write(bytes))) {
      assertThat(file.header().metadata()).isEqualTo(Map.of("a", "2", "b", "x"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\u0000", "\\u001b[31m", "\\u007f", "\\u009b", "\\u202e"})
  void invisibleCharactersInANameAreRefused(String escape) throws IOException {
    assertThat(
            refusal(SafetensorsBytes.file("{\"a" + escape + "\":" + scalar() + "}", new byte[4])))
        .contains("a tensor name with control characters or half a surrogate pair");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\ud800", "\\udc00", "\\udc00\\ud800"})
  void halfASurrogatePairInANameIsRefused(String escape) throws IOException {
    assertThat(refusal(SafetensorsBytes.file("{\"" + escape + "\":" + scalar() + "}", new byte[4])))
        .contains("surrogate");
  }

  @Test
  void halfASurrogatePairInMetadataIsRefused() throws IOException {
    assertThat(refusal(SafetensorsBytes.file("{\"__metadata__\":{\"a\":\"\\ud800\"}}", NOTHING)))
        .contains("__metadata__: half a surrogate pair at \"a\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"dtype", "ignored"})
  void escapeSequencesDoNotReachTheTerminal(String field) throws IOException {
    String entry = "{\"" + field + "\":\"\\u001b[2J" + "x".repeat(100_000) + "\"}";
    String message = refusal(SafetensorsBytes.file("{\"a\":" + entry + "}", NOTHING));
    assertThat(message).hasSizeLessThan(300).doesNotContain("\u001b");
  }

  @Test
  void moreDimensionsThanAnyModelHasAreRefused() throws IOException {
    String shape = "[" + "1,".repeat(1_000_000) + "1]";
    String entry = "{\"dtype\":\"U8\",\"shape\":" + shape + ",\"data_offsets\":[0,1]}";
    assertThat(refusal(SafetensorsBytes.file("{\"a\":" + entry + "}", new byte[1])))
        .endsWith("tensor a: shape has more than 32 entries");
  }

  @Test
  void moreTensorsThanAnyModelHasAreRefused() throws IOException {
    String empty = ":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
    String header =
        IntStream.rangeClosed(0, 250_000)
            .mapToObj(i -> "\"" + i + "\"" + empty)
            .collect(Collectors.joining(",", "{", "}"));
    assertThat(refusal(SafetensorsBytes.file(header, NOTHING)))
        .endsWith("more than 250000 tensors");
  }

  /// Each name is made of "aB" and "b!", which hash alike in a hash that multiplies by 33, or of
  /// "Aa" and "BB", which do for 31.
  @ParameterizedTest
  @ValueSource(strings = {"aB,b!", "Aa,BB"})
  void namesWithOneHashAreReadAllTheSame(String parts) throws IOException {
    String[] pair = parts.split(",", -1);
    String empty = "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
    String header =
        IntStream.range(0, 1 << 12)
            .mapToObj(bits ->
                IntStream.range(0, 12)
                    .mapToObj(i -> pair[(bits >> i) & 1])
                    .collect(Collectors.joining("", "\"", empty)))
            .collect(Collectors.joining(",", "{", "}"));
    try (SafetensorsFile file =
        SafetensorsFile.open(write(SafetensorsBytes.file(header, NOTHING)))) {
      assertThat(file.header().entries()).hasSize(1 << 12);
    }
  }

  /// A product with 2^32 + 1 has the same halves, which a hash of a long adds to nothing.
  @Test
  @Timeout(20)
  void extentsWithOneHashAreReadAllTheSame() throws IOException {
    String header =
        LongStream.range(0, 100_000)
            .mapToObj(i ->
                "\""
                    + i
                    + "\":{\"dtype\":\"U8\",\"shape\":[0,"
                    + i * ((1L << 32) + 1)
                    + "],\"data_offsets\":[0,0]}")
            .collect(Collectors.joining(",", "{", "}"));
    try (SafetensorsFile file =
        SafetensorsFile.open(write(SafetensorsBytes.file(header, NOTHING)))) {
      assertThat(file.header().entries()).hasSize(100_000);
      assertThat(file.header().entries().getLast().info().shape().hashCode())
          .isEqualTo(file.header().entries().getFirst().info().shape().hashCode());
    }
  }

  @Test
  void longestHeaderIsNotReadFromATinyFile() throws IOException {
    assertThat(refusal(SafetensorsBytes.file(100_000_000, "{}", NOTHING)))
        .endsWith(
            "header length 100000000 reaches past the end of the file (10 bytes; truncated?)");
  }

  private String refusal(byte[] bytes) throws IOException {
    Path path = write(bytes);
    String message = Refusal.of(() -> SafetensorsFile.open(path).close());
    assertThat(message).startsWith("model-00001-of-00002.safetensors: ");
    return message;
  }

  private Path write(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("model-00001-of-00002.safetensors"), bytes);
  }

  private static String json(byte[] bytes) {
    int length = Math.toIntExact(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0));
    return new String(bytes, 8, length, StandardCharsets.UTF_8);
  }

  private static String description(Entry entry) {
    return entry.info().dtype()
        + " "
        + entry.info().shape()
        + " "
        + List.of(entry.begin(), entry.end());
  }

  private static String description(JsonNode entry) {
    return entry.get("dtype").asString()
        + " "
        + integers(entry.get("shape"))
        + " "
        + integers(entry.get("data_offsets"));
  }

  private static List<Long> integers(JsonNode array) {
    return array.valueStream().map(JsonNode::asLong).toList();
  }

  private static String scalar() {
    return "{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}";
  }
}
