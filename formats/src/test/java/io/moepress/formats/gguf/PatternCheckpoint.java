package io.moepress.formats.gguf;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.SortedMap;
import java.util.TreeMap;

/// A checkpoint with every tensor that a configuration asks for; each element tells its tensor and
/// its place.
record PatternCheckpoint(ModelConfig config, SortedMap<String, TensorInfo> tensors)
    implements Checkpoint {

  /// The model of a golden configuration in which some text is replaced.
  static MoeModel model(String family, String... replacements) throws IOException {
    String text = Files.readString(TestData.path("golden/arch/" + family + "/config.json"));
    for (int i = 0; i < replacements.length; i += 2) {
      if (!text.contains(replacements[i])) {
        throw new IllegalArgumentException("no " + replacements[i]);
      }
      text = text.replace(replacements[i], replacements[i + 1]);
    }
    ModelConfig config = ModelConfig.parse(text);
    ModelLayout layout = ModelLayout.of(config).stored().getFirst();
    SortedMap<String, TensorInfo> tensors = new TreeMap<>();
    for (TensorId id : layout.tensors()) {
      String name = layout.name(id);
      tensors.put(name, new TensorInfo(name, DType.F32, layout.shape(id.role())));
    }
    return MoeModel.of(new PatternCheckpoint(config, tensors));
  }

  @Override
  public String name() {
    return "pattern";
  }

  @Override
  public TensorData read(String tensor, Arena arena) {
    TensorInfo info = tensors.get(tensor);
    if (info == null) {
      throw new IllegalArgumentException(tensor);
    }
    MemorySegment bytes = MemorySegment.ofArray(new byte[(int) info.byteCount()]);
    int salt = tensor.hashCode() & 0xFF_FFFF;
    for (long i = 0; i < info.shape().elementCount(); i++) {
      Numbers.put(
          info,
          bytes,
          i,
          Float.intBitsToFloat((int) (0x3000_0000 + (salt * 31L + i) % 0x0FFF_FFFF)));
    }
    return new TensorData(info, bytes);
  }

  @Override
  public void close() {}
}
