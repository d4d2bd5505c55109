package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.SafetensorsBytes;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointDirectoryTest {
  private static final String QUERY = "model.layers.1.self_attn.q_proj.weight";

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void tensorsAreFoundInWhicheverShardTheyStand(int shards) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().dtype("BF16").shards(shards);
    moe.write(folder);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder);
        Arena arena = Arena.ofConfined()) {
      assertThat(checkpoint.shards()).hasSize(shards);
      assertThat(checkpoint.tensors().keySet()).isEqualTo(moe.tensors().keySet());
      assertThat(checkpoint.tensors())
          .containsEntry(QUERY, new TensorInfo(QUERY, DType.BF16, Shape.of(16, 16)));
      for (String name : checkpoint.tensors().keySet()) {
        assertThat(Numbers.floats(checkpoint.read(name, arena))).isEqualTo(moe.values(name));
      }
    }
  }

  @Test
  void itKnowsItsSizeConfigurationAndName() throws IOException {
    TinyMoe moe = TinyMoe.mixtral().dtype("F16");
    moe.write(folder);
    long parameters = moe.tensors().values().stream().mapToLong(t -> t.values().length).sum();
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder)) {
      assertThat(checkpoint.parameterCount()).isEqualTo(parameters);
      assertThat(checkpoint.byteCount()).isEqualTo(2 * parameters);
      assertThat(checkpoint.config().text()).isEqualTo(moe.configJson());
      assertThat(checkpoint.directory()).isEqualTo(folder);
      assertThat(checkpoint.name()).isEqualTo(folder.toString());
    }
  }

  @Test
  void unknownTensorIsNamed() throws IOException {
    TinyMoe.qwen3().write(folder);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder);
        Arena arena = Arena.ofConfined()) {
      assertThat(Refusal.of(() -> checkpoint.read("model.x", arena)))
          .isEqualTo(folder + ": no tensor model.x");
    }
  }

  @Test
  void onlyFilesOfTheIndexAreOpened() throws IOException {
    TinyMoe.qwen3().shards(2).write(folder);
    Files.writeString(folder.resolve("consolidated.safetensors"), "not even safetensors");
    Files.writeString(folder.resolve("model.safetensors"), "left over");
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder)) {
      assertThat(checkpoint.shards())
          .extracting(SafetensorsFile::path)
          .containsExactly(
              folder.resolve("model-00001-of-00002.safetensors"),
              folder.resolve("model-00002-of-00002.safetensors"));
    }
  }

  @Test
  void otherWeightsBesideTheSingleFileAreIgnored() throws IOException {
    TinyMoe.qwen3().write(folder);
    Files.writeString(folder.resolve("consolidated.safetensors"), "not even safetensors");
    Files.writeString(folder.resolve("pytorch_model.bin"), "not even a pickle");
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder)) {
      assertThat(checkpoint.shards()).hasSize(1);
    }
  }

  @Test
  void absentDirectoryIsNamed() {
    assertThat(refusal(folder.resolve("absent"))).isEqualTo(folder + "/absent: no such directory");
  }

  @Test
  void fileIsNoDirectory() throws IOException {
    TinyMoe.qwen3().write(folder);
    Path file = folder.resolve("model.safetensors");
    assertThat(refusal(file))
        .isEqualTo(
            file + ": a file (expected a checkpoint directory with config.json and safetensors)");
  }

  @Test
  void directoryAboveIsPointedDown() throws IOException {
    Files.createDirectory(folder.resolve("a-cache"));
    TinyMoe.qwen3().write(folder.resolve("nested"));
    assertThat(refusal(folder))
        .isEqualTo(
            folder
                + ": no config.json (expected a checkpoint directory in the Hugging Face layout)."
                + " Did you mean "
                + folder.resolve("nested")
                + "?");
  }

  @Test
  void emptyDirectoryIsNoCheckpoint() {
    assertThat(refusal(folder))
        .isEqualTo(
            folder
                + ": no config.json (expected a checkpoint directory in the Hugging Face layout)");
  }

  @Test
  void configurationWithoutWeightsIsNoCheckpoint() throws IOException {
    Files.writeString(folder.resolve("config.json"), "{}");
    Files.writeString(folder.resolve("consolidated.safetensors"), "");
    assertThat(refusal(folder))
        .isEqualTo(folder + ": no model.safetensors and no model.safetensors.index.json");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pytorch_model.bin", "model.pt", "consolidated.00.pth"})
  void picklesAreRefused(String pickle) throws IOException {
    Files.writeString(folder.resolve("config.json"), "{}");
    Files.writeString(folder.resolve(pickle), "");
    assertThat(refusal(folder))
        .isEqualTo(
            folder
                + ": the weights are pickles (.bin or .pt), which can run code when loaded, so"
                + " moepress does not open them. Convert the checkpoint to safetensors first.");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"a\": 1,}| not valid JSON",
        "{\"a\": 1} {}| not valid JSON",
        "{\"a\": NaN}| not valid JSON",
        "{'a': 1}| not valid JSON",
        "{\"a\": 1, \"a\": 1}| Duplicate Object property \"a\"",
        "{\"a\": {\"b\": 1, \"\\u0062\": 2}}| Duplicate Object property \"b\"",
        "[]| found ARRAY (expected an object)",
        "''| found MISSING (expected an object)",
      })
  void brokenConfigurationIsRefused(String text, String complaint) throws IOException {
    TinyMoe.qwen3().write(folder);
    Files.writeString(folder.resolve("config.json"), text);
    assertThat(refusal(folder)).startsWith("config.json: ").contains(complaint);
  }

  @Test
  void deepNestingInTheConfigurationIsRefused() throws IOException {
    TinyMoe.qwen3().write(folder);
    String text = "{\"a\": " + "[".repeat(100_000) + "]".repeat(100_000) + "}";
    Files.writeString(folder.resolve("config.json"), text);
    assertThat(refusal(folder)).startsWith("config.json: ").contains("nesting depth");
  }

  @ParameterizedTest
  @ValueSource(strings = {"config.json", "model.safetensors.index.json"})
  void jsonIsUtf8(String file) throws IOException {
    TinyMoe.qwen3().shards(2).write(folder);
    Files.write(folder.resolve(file), "{\"é\": 1}".getBytes(StandardCharsets.ISO_8859_1));
    assertThat(refusal(folder)).isEqualTo(folder.resolve(file) + ": not valid UTF-8");
  }

  @ParameterizedTest
  @CsvSource({"config.json, 16777216", "model.safetensors.index.json, 268435456"})
  void endlessJsonIsNotRead(String file, long most) throws IOException {
    TinyMoe.qwen3().shards(2).write(folder);
    Path path = folder.resolve(file);
    Files.delete(path);
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.WRITE)) {
      channel.write(StandardCharsets.UTF_8.encode("}"), 4L << 30);
    }
    assertThat(refusal(folder))
        .isEqualTo(path + ": 4294967297 bytes (expected at most " + most + ")");
  }

  @Test
  void brokenShardIsNamed() throws IOException {
    TinyMoe.qwen3().shards(3).write(folder);
    Path shard = folder.resolve("model-00002-of-00003.safetensors");
    byte[] bytes = Files.readAllBytes(shard);
    Files.write(shard, Arrays.copyOf(bytes, bytes.length - 1));
    assertThat(refusal(folder))
        .startsWith("model-00002-of-00003.safetensors: the header describes ")
        .contains("truncated");
  }

  @Test
  void shardThatDisagreesLeavesNoFileOpen() throws IOException {
    TinyMoe.qwen3().shards(2).write(folder);
    new SafetensorsBytes().write(folder.resolve("model-00002-of-00002.safetensors"));
    long before = openFiles();
    for (int i = 0; i < 50; i++) {
      assertThat(refusal(folder)).contains("should stand in");
    }
    assertThat(openFiles()).isLessThan(before + 50);
  }

  private static long openFiles() throws IOException {
    Path descriptors = Path.of("/proc/self/fd");
    if (!Files.isDirectory(descriptors)) {
      return 0; // nothing to count on this system
    }
    try (Stream<Path> list = Files.list(descriptors)) {
      return list.count();
    }
  }

  private static String refusal(Path directory) {
    return Refusal.of(() -> CheckpointDirectory.open(directory).close());
  }

  @Test
  void tensorsAreListedByName() throws IOException {
    TinyMoe.qwen3().shards(2).write(folder);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder)) {
      assertThat(List.copyOf(checkpoint.tensors().keySet())).isSorted();
    }
  }
}
