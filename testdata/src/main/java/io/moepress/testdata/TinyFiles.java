package io.moepress.testdata;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// Lays a checkpoint out in a directory.
final class TinyFiles {

  private static final String GENERATION_CONFIG =
      """
      {
        "_from_model_config": true,
        "eos_token_id": 0,
        "transformers_version": "5.18.0"
      }
      """;

  private TinyFiles() {}

  static void write(
      Path directory, String config, SortedMap<String, TinyTensor> tensors, int shards)
      throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("config.json"), config);
    Files.writeString(directory.resolve("generation_config.json"), GENERATION_CONFIG);
    List<String> names = List.copyOf(tensors.keySet());
    SortedMap<String, String> files = new TreeMap<>();
    for (int shard = 0; shard < shards; shard++) {
      int from = shard * names.size() / shards;
      int to = (shard + 1) * names.size() / shards;
      String file = fileName(shard, shards);
      names.subList(from, to).forEach(name -> files.put(name, file));
      shard(tensors, names.subList(from, to)).write(directory.resolve(file));
    }
    if (shards > 1) {
      Files.writeString(directory.resolve("model.safetensors.index.json"), index(tensors, files));
    }
  }

  private static SafetensorsBytes shard(SortedMap<String, TinyTensor> tensors, List<String> names) {
    SafetensorsBytes file = new SafetensorsBytes().metadata("format", "pt");
    for (String name : names) {
      TinyTensor tensor = TinyEdits.get(tensors, name);
      file.tensor(name, tensor.dtype(), tensor.shape(), tensor.bytes());
    }
    return file;
  }

  private static String index(
      SortedMap<String, TinyTensor> tensors, SortedMap<String, String> files) {
    long size = tensors.values().stream().mapToLong(tensor -> tensor.bytes().length).sum();
    long parameters = tensors.values().stream().mapToLong(tensor -> tensor.values().length).sum();
    List<String> lines = new ArrayList<>();
    files.forEach((name, file) ->
        lines.add("    " + SafetensorsBytes.json(name) + ": " + SafetensorsBytes.json(file)));
    return "{\n  \"metadata\": {\n    \"total_parameters\": "
        + parameters
        + ",\n    \"total_size\": "
        + size
        + "\n  },\n  \"weight_map\": {\n"
        + String.join(",\n", lines)
        + "\n  }\n}\n";
  }

  private static String fileName(int shard, int shards) {
    return shards == 1
        ? "model.safetensors"
        : "model-" + fiveDigits(shard + 1) + "-of-" + fiveDigits(shards) + ".safetensors";
  }

  private static String fiveDigits(int number) {
    return Integer.toString(100_000 + number).substring(1);
  }
}
