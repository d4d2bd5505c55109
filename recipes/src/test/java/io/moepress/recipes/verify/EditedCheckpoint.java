package io.moepress.recipes.verify;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.SafetensorsBytes;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import tools.jackson.databind.node.ObjectNode;

/// A checkpoint in memory, for planting faults that no writer would make.
final class EditedCheckpoint {
  static final String INDEX = "model.safetensors.index.json";
  private static final int HALF_BYTES = 2;

  final ObjectNode config;
  final SortedMap<String, Tensor> tensors = new TreeMap<>();
  final SortedSet<String> sideFiles =
      new TreeSet<>(List.of("tokenizer.json", "chat_template.jinja", "generation_config.json"));
  boolean isMarked = true;
  int shards = 1;

  /// A tensor of zeros with a type and a shape, or of given bytes.
  record Tensor(String dtype, List<Long> shape, byte[] bytes) {
    static Tensor zeros(String dtype, long... shape) {
      int bytes = dtype.equals("F32") ? Float.BYTES : HALF_BYTES;
      List<Long> dimensions = new ArrayList<>();
      for (long length : shape) {
        bytes *= Math.toIntExact(length);
        dimensions.add(length);
      }
      return new Tensor(dtype, dimensions, new byte[bytes]);
    }
  }

  private static EditedCheckpoint of(Path directory) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory)) {
      return new EditedCheckpoint(checkpoint);
    }
  }

  EditedCheckpoint(Checkpoint checkpoint) throws IOException {
    config = Json.object(checkpoint.config().text(), "config");
    try (Arena arena = Arena.ofConfined()) {
      for (TensorInfo info : checkpoint.tensors().values()) {
        byte[] bytes = checkpoint.read(info.name(), arena).bytes().toArray(ValueLayout.JAVA_BYTE);
        tensors.put(info.name(), new Tensor(info.dtype().name(), info.shape().dimensions(), bytes));
      }
    }
  }

  /// Two MoE layers of four experts.
  static EditedCheckpoint qwen3(Path scratch) throws IOException {
    return of(TinyMoe.qwen3().write(scratch));
  }

  /// A dense layer and three MoE layers of eight experts in four groups, with a selection bias.
  static EditedCheckpoint deepseek() throws IOException {
    EditedCheckpoint checkpoint = of(TestData.path("golden/arch/deepseek_v3"));
    checkpoint.config.put("num_nextn_predict_layers", 0);
    return checkpoint;
  }

  Tensor get(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  void remove(String name) {
    Objects.requireNonNull(tensors.remove(name), name);
  }

  void rename(String from, String to) {
    Tensor tensor = get(from);
    remove(from);
    tensors.put(to, tensor);
  }

  /// Removes the last expert of a layer of the Qwen3 model, and its row of the router.
  void dropLastExpert(int layer) {
    String block = "model.layers." + layer + ".mlp.";
    for (String projection : List.of("gate", "up", "down")) {
      remove(block + "experts.3." + projection + "_proj.weight");
    }
    tensors.put(block + "gate.weight", Tensor.zeros("F32", 3, 16));
  }

  Path write(Path directory) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("config.json"), Json.pretty(config));
    for (String file : sideFiles) {
      Files.writeString(directory.resolve(file), "{}");
    }
    SortedMap<String, String> files = new TreeMap<>();
    List<String> names = List.copyOf(tensors.keySet());
    long bytes = 0;
    for (int shard = 0; shard < shards; shard++) {
      String file = shards == 1 ? "model.safetensors" : "part-" + (shard + 1) + ".safetensors";
      SafetensorsBytes writer = new SafetensorsBytes();
      if (isMarked) {
        writer.metadata("format", "pt");
      }
      for (String name :
          names.subList(shard * names.size() / shards, (shard + 1) * names.size() / shards)) {
        Tensor tensor = get(name);
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        writer.tensor(name, tensor.dtype(), shape, tensor.bytes());
        files.put(name, file);
        bytes += tensor.bytes().length;
      }
      writer.write(directory.resolve(file));
    }
    if (shards > 1) {
      ObjectNode index = Json.object("{\"metadata\": {}, \"weight_map\": {}}", "index");
      ((ObjectNode) index.get("metadata")).put("total_size", bytes);
      files.forEach((name, file) -> ((ObjectNode) index.get("weight_map")).put(name, file));
      Files.writeString(directory.resolve(INDEX), Json.pretty(index));
    }
    return directory;
  }
}
