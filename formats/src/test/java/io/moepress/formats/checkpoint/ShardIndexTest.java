package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.moepress.formats.Refusal;
import io.moepress.formats.Words;
import io.moepress.testdata.SafetensorsBytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The index of a sharded checkpoint, as it is and as an attacker writes it. Tensor `a` stands in
/// shard `1.safetensors`, `b` in `2.safetensors`.
class ShardIndexTest {
  private static final String PLAIN_NAME =
      " (expected the plain name of a .safetensors file in the same directory)";

  @TempDir private Path folder;
  private Path checkpoint;

  @BeforeEach
  void writeShards() throws IOException {
    checkpoint = Files.createDirectory(folder.resolve("checkpoint"));
    Files.writeString(checkpoint.resolve("config.json"), "{}");
    shard(checkpoint.resolve("1.safetensors"), "a");
    shard(checkpoint.resolve("2.safetensors"), "b");
    shard(folder.resolve("outside.safetensors"), "b");
  }

  @Test
  void rightIndexIsAccepted() throws IOException {
    map("\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"");
    try (CheckpointDirectory directory = CheckpointDirectory.open(checkpoint)) {
      assertThat(directory.tensors()).containsOnlyKeys("a", "b");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../outside.safetensors",
        "..\\\\outside.safetensors",
        "/outside.safetensors",
        "C:outside.safetensors",
        "./2.safetensors",
        "sub/2.safetensors",
        "2.safetensors/",
        "2.safetensors\\u0000",
        "\\u00002.safetensors",
        "\\u001b[2J.safetensors",
        "\\ud800.safetensors",
        "*.safetensors",
        "2.bin",
        "..",
        "",
      })
  void nameThatIsNoPlainFileIsRefused(String file) throws IOException {
    map("\"a\": \"1.safetensors\", \"b\": \"" + file + "\"");
    String message = refusal();
    assertThat(message)
        .startsWith("model.safetensors.index.json: tensor b: file name \"")
        .endsWith(PLAIN_NAME)
        .isEqualTo(Words.printable(message));
  }

  @Test
  void longNameIsRefusedInAShortMessage() throws IOException {
    map("\"" + "b".repeat(10_000) + "\": \"" + "2".repeat(1_000_000) + ".safetensors\"");
    assertThat(refusal()).endsWith(PLAIN_NAME).hasSizeLessThan(400);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"2", "null", "[\"2.safetensors\"]", "{\"file\": \"2.safetensors\"}", "true"})
  void valueThatIsNoStringIsRefused(String value) throws IOException {
    map("\"b\": " + value);
    assertThat(refusal())
        .startsWith("model.safetensors.index.json: tensor b: file name ")
        .endsWith(PLAIN_NAME);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"weight_map\": null}",
        "{\"weight_map\": {}}",
        "{\"weight_map\": []}",
        "{\"weight_map\": [\"1.safetensors\"]}",
        "{\"weight_map\": \"1.safetensors\"}",
        "{\"Weight_Map\": {\"a\": \"1.safetensors\"}}",
      })
  void indexWithoutTensorsIsRefused(String json) throws IOException {
    index(json);
    assertThat(refusal()).isEqualTo("model.safetensors.index.json: no weight_map with tensors");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "not JSON| not valid JSON",
        "[]| found ARRAY (expected an object)",
      })
  void brokenJsonIsRefused(String json, String complaint) throws IOException {
    index(json);
    assertThat(refusal())
        .startsWith(checkpoint.resolve("model.safetensors.index.json") + ": ")
        .contains(complaint);
  }

  @ParameterizedTest
  @ValueSource(strings = {"3.safetensors", "2.SAFETENSORS.safetensors"})
  void missingShardIsNamed(String file) throws IOException {
    map("\"a\": \"1.safetensors\", \"b\": \"" + file + "\"");
    assertThat(refusal())
        .isEqualTo(checkpoint + ": the shard " + file + " is missing. Copy or download it again.");
  }

  @Test
  void shardInOtherLetterCaseIsAnotherFile() throws IOException {
    shard(checkpoint.resolve("Model-2.safetensors"), "c");
    map("\"a\": \"1.safetensors\", \"c\": \"model-2.safetensors\"");
    assertThat(refusal()).contains("model-2.safetensors");
  }

  @Test
  void folderIsNoShard() throws IOException {
    Files.createDirectory(checkpoint.resolve("3.safetensors"));
    map("\"a\": \"1.safetensors\", \"b\": \"3.safetensors\"");
    assertThat(refusal()).contains("the shard 3.safetensors is missing");
  }

  /// What cannot be read is not called wrong.
  @Test
  void folderIsNoIndex() throws IOException {
    Path index = Files.createDirectory(checkpoint.resolve(ShardIndex.FILE));
    assertThatIOException()
        .isThrownBy(() -> CheckpointDirectory.open(checkpoint).close())
        .withMessage(index + ": Is a directory");
  }

  @Test
  void tensorAbsentFromItsShardIsNamed() throws IOException {
    map("\"a\": \"1.safetensors\", \"b\": \"2.safetensors\", \"c\": \"2.safetensors\"");
    assertThat(refusal())
        .isEqualTo(
            "model.safetensors.index.json: tensor c should stand in 2.safetensors, but does not");
  }

  @Test
  void tensorInAnotherShardThanTheIndexSaysIsNamed() throws IOException {
    map("\"a\": \"2.safetensors\", \"b\": \"1.safetensors\"");
    assertThat(refusal())
        .isEqualTo(
            "model.safetensors.index.json: tensor a should stand in 2.safetensors, but does not");
  }

  @Test
  void tensorThatIsListedTwiceIsNamed() throws IOException {
    map("\"a\": \"1.safetensors\", \"b\": \"2.safetensors\", \"a\": \"1.safetensors\"");
    assertThat(refusal()).isEqualTo("model.safetensors.index.json: tensor a is there twice");
  }

  @Test
  void secondMapIsRefused() throws IOException {
    index("{\"weight_map\": {\"a\": \"1.safetensors\"}, \"weight_map\": {}}");
    assertThat(refusal()).isEqualTo("model.safetensors.index.json: two weight_maps");
  }

  @Test
  void tensorMissingFromTheIndexIsNamed() throws IOException {
    new SafetensorsBytes()
        .tensor("b", "U8", new long[] {1}, new byte[1])
        .tensor("hidden", "U8", new long[] {1}, new byte[1])
        .write(checkpoint.resolve("2.safetensors"));
    map("\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"");
    assertThat(refusal())
        .isEqualTo(
            "model.safetensors.index.json: 1 tensors stand in the shards but not in the index, for"
                + " instance hidden");
  }

  @Test
  void tensorInTwoShardsIsNamed() throws IOException {
    new SafetensorsBytes()
        .tensor("a", "U8", new long[] {1}, new byte[1])
        .tensor("b", "U8", new long[] {1}, new byte[1])
        .write(checkpoint.resolve("2.safetensors"));
    map("\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"");
    assertThat(refusal()).isEqualTo("2.safetensors: tensor a stands in another shard too");
  }

  @Test
  void manyNamesOfOneHashAreRead() throws IOException {
    StringBuilder names = new StringBuilder("\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"");
    for (int bits = 0; bits < 1 << 10; bits++) {
      names.append(", \"");
      for (int i = 0; i < 10; i++) {
        names.append((bits >> i & 1) == 0 ? "aB" : "b!"); // alike where a hash multiplies by 33
      }
      names.append("\": \"2.safetensors\"");
    }
    map(names.toString());
    assertThat(refusal()).contains("should stand in 2.safetensors, but does not");
  }

  @Test
  void writtenIndexIsSortedAndReadBack() throws IOException {
    Map<String, String> files = Map.of("b", "2.safetensors", "a", "1.safetensors");
    ShardIndex index = new ShardIndex(new TreeMap<>(files), 20L << 30, 10L << 30);
    assertThat(index.json())
        .isEqualTo(
            """
            {
              "metadata": {
                "total_parameters": 10737418240,
                "total_size": 21474836480
              },
              "weight_map": {
                "a": "1.safetensors",
                "b": "2.safetensors"
              }
            }
            """);
    index(index.json());
    Map<String, String> read = new HashMap<>();
    ShardIndex.read(checkpoint.resolve(ShardIndex.FILE), read::put);
    assertThat(read).isEqualTo(files);
  }

  private String refusal() {
    return Refusal.of(() -> CheckpointDirectory.open(checkpoint).close());
  }

  private void map(String entries) throws IOException {
    index("{\"metadata\": {\"total_size\": -1.5}, \"weight_map\": {" + entries + "}}");
  }

  private void index(String json) throws IOException {
    Files.writeString(checkpoint.resolve("model.safetensors.index.json"), json);
  }

  private static void shard(Path path, String tensor) throws IOException {
    new SafetensorsBytes().tensor(tensor, "U8", new long[] {1}, new byte[1]).write(path);
  }
}
