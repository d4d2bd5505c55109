package io.moepress.recipes.apply;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ShardIndex;
import io.moepress.formats.safetensors.SafetensorsHeader;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.OutputTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Which tensors go into which file: in the order of the model, a new file whenever the next tensor
/// would exceed the limit. A tensor is never split.
///
/// @param shards the tensors of each file
record Sharding(List<List<OutputTensor>> shards) {

  static Sharding of(List<OutputTensor> tensors, long maxShardBytes) {
    List<List<OutputTensor>> shards = new ArrayList<>();
    long size = Long.MAX_VALUE;
    for (OutputTensor tensor : tensors) {
      long bytes = tensor.info().byteCount();
      if (shards.isEmpty() || size + bytes > maxShardBytes) {
        shards.add(new ArrayList<>());
        size = 0;
      }
      shards.getLast().add(tensor);
      size += bytes;
    }
    return new Sharding(shards);
  }

  /// The name of a file, `model-00001-of-00003.safetensors`.
  String fileName(int shard) {
    return shards.size() == 1
        ? CheckpointDirectory.SINGLE_FILE
        : Checks.text("model-%05d-of-%05d.safetensors", shard + 1, shards.size());
  }

  /// Bytes of the tensors of a file.
  long byteCount(int shard) {
    return shards.get(shard).stream().mapToLong(tensor -> tensor.info().byteCount()).sum();
  }

  /// Whether a directory has exactly these files of weights, by name and length.
  boolean isIn(Path directory) throws IOException {
    Set<String> expected = new HashSet<>();
    for (int shard = 0; shard < shards.size(); shard++) {
      Path file = directory.resolve(fileName(shard));
      List<TensorInfo> infos = shards.get(shard).stream().map(OutputTensor::info).toList();
      long length = SafetensorsHeader.layOut(infos, ShardWriter.METADATA).fileSize();
      if (!Files.isRegularFile(file) || Files.size(file) != length) {
        return false;
      }
      expected.add(fileName(shard));
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> String.valueOf(file.getFileName()))
          .filter(name -> name.endsWith(".safetensors"))
          .allMatch(expected::contains);
    }
  }

  /// The index over all files.
  ShardIndex index() {
    SortedMap<String, String> files = new TreeMap<>();
    long bytes = 0;
    long parameters = 0;
    for (int shard = 0; shard < shards.size(); shard++) {
      for (OutputTensor tensor : shards.get(shard)) {
        files.put(tensor.info().name(), fileName(shard));
        bytes += tensor.info().byteCount();
        parameters += tensor.info().shape().elementCount();
      }
    }
    return new ShardIndex(files, bytes, parameters);
  }
}
