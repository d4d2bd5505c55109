package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.SafetensorsBytes;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FingerprintTest {
  private static final String NORM = "model.norm.weight";
  private static final String ABC =
      "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  @TempDir private Path folder;

  @Test
  void equalCopiesAreEqual() throws IOException {
    String first = fingerprint(TinyMoe.qwen3().shards(2), "first");
    assertThat(fingerprint(TinyMoe.qwen3().shards(2), "second")).isEqualTo(first);
    assertThat(first).matches("sha256:[0-9a-f]{64}");
  }

  @Test
  void sideFilesDoNotMatter() throws IOException {
    String before = fingerprint(TinyMoe.qwen3(), "model");
    Files.writeString(folder.resolve("model/README.md"), "changed");
    assertThat(fingerprint(folder.resolve("model"))).isEqualTo(before);
  }

  @Test
  void anArchitectureThatTheUserGaveMatters() throws IOException {
    Path model = folder.resolve("model");
    String before = fingerprint(TinyMoe.qwen3(), "model");
    Path given = folder.resolve("given.json");
    Files.writeString(given, "{\"modelTypes\": [\"mine\"]}");
    String first = fingerprint(model, given);
    Files.writeString(given, "{\"modelTypes\": [\"other\"]}");

    assertThat(first).isNotEqualTo(before);
    assertThat(fingerprint(model, given)).isNotEqualTo(first).isNotEqualTo(before);
  }

  private static String fingerprint(Path model, Path architecture) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model, architecture)) {
      return Fingerprint.of(checkpoint);
    }
  }

  @Test
  void everyChangeShows() throws IOException {
    float[] norm = TinyMoe.qwen3().values(NORM);
    norm[15] = Math.nextUp(norm[15]);
    Map<String, TinyMoe> models = new TreeMap<>();
    models.put("as it is", TinyMoe.qwen3());
    models.put("one bit of one weight", TinyMoe.qwen3().with(NORM, norm));
    models.put("another seed", TinyMoe.qwen3().seed(2));
    models.put("a name", TinyMoe.qwen3().rename(NORM, "model.norm.weighs"));
    models.put(
        "a shape", TinyMoe.qwen3().with(NORM, new long[] {16, 1}, TinyMoe.qwen3().values(NORM)));
    models.put("a type", TinyMoe.qwen3().dtype(NORM, "BF16"));
    models.put("a tensor less", TinyMoe.qwen3().without(NORM));
    models.put("the configuration", TinyMoe.qwen3().config("num_experts_per_tok", "1"));
    models.put("a space in the configuration", TinyMoe.qwen3().config("use_cache", "true "));
    models.put("the shards", TinyMoe.qwen3().shards(2));
    Map<String, String> changes = new TreeMap<>();
    for (Map.Entry<String, TinyMoe> model : models.entrySet()) {
      String other = changes.put(fingerprint(model.getValue(), model.getKey()), model.getKey());
      assertThat(other).as("same fingerprint as %s", model.getKey()).isNull();
    }
  }

  /// Larger than what is read as a whole; the places are the ends of the file.
  @Test
  void endsOfALargeShardShow() throws IOException {
    int length = (64 << 16) + 100;
    Files.writeString(folder.resolve("config.json"), "{}");
    Path shard = folder.resolve("model.safetensors");
    new SafetensorsBytes().tensor("a", "U8", new long[] {length}, new byte[length]).write(shard);
    String before = fingerprint(folder);
    long size = Files.size(shard);
    for (long place : new long[] {size - length, size - 1}) {
      put(shard, place, 1);
      assertThat(fingerprint(folder)).as("byte %d of %d", place, size).isNotEqualTo(before);
      put(shard, place, 0);
    }
    assertThat(fingerprint(folder)).isEqualTo(before);
  }

  @Test
  void textsAndFilesHaveTheirSha256() throws IOException {
    assertThat(Fingerprint.ofText("abc")).isEqualTo(ABC);
    assertThat(Fingerprint.ofFile(Files.writeString(folder.resolve("abc"), "abc"))).isEqualTo(ABC);
  }

  @Test
  void longFileIsReadToItsEnd() throws IOException {
    Path file = Files.write(folder.resolve("long"), new byte[1 << 20]);
    String before = Fingerprint.ofFile(file);
    put(file, (1 << 20) - 1, 1);
    assertThat(Fingerprint.ofFile(file)).isNotEqualTo(before);
  }

  private static void put(Path file, long place, int value) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {(byte) value}), place);
    }
  }

  private String fingerprint(TinyMoe moe, String name) throws IOException {
    return fingerprint(moe.write(folder.resolve(name)));
  }

  private static String fingerprint(Path directory) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return Fingerprint.of(checkpoint);
    }
  }
}
