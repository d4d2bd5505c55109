package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufType;
import io.moepress.recipes.gguf.GgufPlan;
import io.moepress.recipes.recipe.ByteSize;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What `moepress inspect` says about a GGUF file.
///
/// @param metadata values by key; of an array its type and length
/// @param types tensors and bytes by type
/// @param tensors in the order of the file
record GgufInspection(
    String file,
    long bytes,
    long parameters,
    double bitsPerWeight,
    Map<String, String> metadata,
    Map<GgufType, GgufPlan.Share> types,
    List<Tensor> tensors) {

  /// A tensor.
  ///
  /// @param shape outermost first
  record Tensor(String name, GgufType type, List<Long> shape, long bytes) {}

  static GgufInspection of(Path path) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      Map<String, String> metadata = new LinkedHashMap<>();
      file.header().metadata().forEach((key, value) -> metadata.put(key, value.shown()));
      return new GgufInspection(
          path.toString(),
          file.size(),
          file.tensors().stream().mapToLong(tensor -> tensor.shape().elementCount()).sum(),
          GgufPlan.bitsPerWeight(file.header()),
          metadata,
          GgufPlan.shares(file.header()),
          file.tensors().stream().map(GgufInspection::tensor).toList());
    }
  }

  private static Tensor tensor(GgufTensorInfo info) {
    return new Tensor(info.name(), info.type(), info.shape().dimensions(), info.byteCount());
  }

  String text() {
    Table table =
        Table.ofFacts()
            .row("file", file)
            .row("size", new ByteSize(bytes).rounded())
            .row("parameters", Checks.text("%,d", parameters))
            .row("bits for each weight", Checks.text("%.2f", bitsPerWeight))
            .row("tensors", tensors.size() + ": " + GgufConversion.shares(types));
    metadata.forEach((key, value) -> table.row(Words.shown(key), Words.shown(value)));
    return table.text();
  }
}
