package io.moepress.formats.architecture;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.util.SortedMap;
import java.util.TreeMap;

/// The golden checkpoints, and headers that differ from them.
final class GoldenCheckpoints {
  private GoldenCheckpoints() {}

  /// A checkpoint of which only the headers are looked at.
  record Headers(ModelConfig config, SortedMap<String, TensorInfo> tensors) implements Checkpoint {

    @Override
    public String name() {
      return "headers";
    }

    @Override
    public TensorData read(String tensor, Arena arena) {
      throw new UnsupportedOperationException(tensor);
    }

    @Override
    public void close() {}

    Headers config(String key, long value) {
      return new Headers(config.with(key, value), tensors);
    }

    Headers with(String name, long... shape) {
      SortedMap<String, TensorInfo> changed = new TreeMap<>(tensors);
      changed.put(name, new TensorInfo(name, DType.F32, Shape.of(shape)));
      return new Headers(config, changed);
    }

    Headers without(String name) {
      SortedMap<String, TensorInfo> changed = new TreeMap<>(tensors);
      changed.remove(name);
      return new Headers(config, changed);
    }

    TensorInventory inventory() {
      return MoeModel.of(this).inventory();
    }
  }

  /// The headers of the golden checkpoint of a family.
  static Headers headers(String family) throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("golden/arch/" + family))) {
      return new Headers(checkpoint.config(), new TreeMap<>(checkpoint.tensors()));
    }
  }

  /// The configuration of a golden checkpoint in which some text is replaced.
  static ModelConfig config(String family, String old, String replacement) throws IOException {
    String text = Files.readString(TestData.path("golden/arch/" + family + "/config.json"));
    if (!text.contains(old)) {
      throw new IllegalArgumentException("no " + old + " in " + family + "/config.json");
    }
    return ModelConfig.parse(text.replace(old, replacement));
  }
}
