package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// The reservoir of one layer on disk: a safetensors file of `tokens` and `domains`, I32 `[R]`,
/// `inputs`, F32 `[R, H]`, `experts`, I32 `[R, k]`, and `weights`, F32 `[R, k]`.
final class ReservoirFile {
  private static final String TOKENS = "tokens";
  private static final String DOMAINS = "domains";
  private static final String INPUTS = "inputs";
  private static final String EXPERTS = "experts";
  private static final String WEIGHTS = "weights";

  private final SealedFile file;
  private final Bounds bounds;

  /// What the numbers of a file must lie within.
  ///
  /// @param rows `R`
  /// @param tokens of the corpus
  /// @param domains of the corpus
  /// @param experts of the layer
  record Bounds(int rows, long tokens, int domains, int experts) {}

  /// A file to be read later.
  ReservoirFile(SealedFile file, Bounds bounds) {
    this.file = file;
    this.bounds = bounds;
  }

  /// Writes a reservoir.
  static void write(Path path, Reservoir reservoir) throws IOException {
    int rows = reservoir.rows();
    List<TensorInfo> infos =
        List.of(
            new TensorInfo(TOKENS, DType.I32, Shape.of(rows)),
            new TensorInfo(DOMAINS, DType.I32, Shape.of(rows)),
            new TensorInfo(INPUTS, DType.F32, Shape.of(rows, reservoir.width())),
            new TensorInfo(EXPERTS, DType.I32, Shape.of(rows, reservoir.topK())),
            new TensorInfo(WEIGHTS, DType.F32, Shape.of(rows, reservoir.topK())));
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, infos, Map.of());
        Arena arena = Arena.ofConfined()) {
      writer.write(TOKENS, Stored.bytes(reservoir.tokens(), arena));
      writer.write(DOMAINS, Stored.bytes(reservoir.domains(), arena));
      writer.write(INPUTS, Stored.bytes(reservoir.inputs(), arena));
      writer.write(EXPERTS, Stored.bytes(reservoir.experts(), arena));
      writer.write(WEIGHTS, Stored.bytes(reservoir.weights(), arena));
      writer.finish();
    }
  }

  String digest() {
    return file.digest();
  }

  void requireIntact() throws IOException {
    file.requireIntact();
  }

  /// Reads the reservoir.
  Reservoir read() throws IOException {
    Path path = file.intact();
    try (SafetensorsFile tensors = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      for (Entry entry : tensors.header().entries()) {
        requireShape(entry.info());
      }
      Reservoir read =
          new Reservoir(
              topK(tensors),
              Stored.ints(path, tensors.read(TOKENS, arena)),
              Stored.ints(path, tensors.read(DOMAINS, arena)),
              Stored.floats(path, tensors.read(INPUTS, arena)),
              Stored.ints(path, tensors.read(EXPERTS, arena)),
              Stored.floats(path, tensors.read(WEIGHTS, arena)));
      requireWithin(TOKENS, read.tokens(), bounds.tokens());
      requireWithin(DOMAINS, read.domains(), bounds.domains());
      requireWithin(EXPERTS, read.experts(), bounds.experts());
      return read;
    }
  }

  private static int topK(SafetensorsFile tensors) {
    return tensors.header().entries().stream()
        .filter(entry -> entry.info().name().equals(EXPERTS))
        .mapToInt(entry -> Math.toIntExact(entry.info().shape().dimension(1)))
        .findFirst()
        .orElse(0);
  }

  private void requireShape(TensorInfo info) {
    int rank =
        switch (info.name()) {
          case TOKENS, DOMAINS -> 1;
          case INPUTS, EXPERTS, WEIGHTS -> 2;
          default -> 0;
        };
    Checks.requireFormat(rank > 0, "%s: unknown tensor %s", file.path(), info.name());
    Checks.requireFormat(
        info.shape().rank() == rank && info.shape().dimension(0) == bounds.rows(),
        "%s: tensor %s: shape %s (expected %d rows, as %s says)",
        file.path(),
        info.name(),
        info.shape(),
        bounds.rows(),
        EvidenceFile.HEAD);
  }

  private void requireWithin(String name, int[] indices, long end) {
    for (int index : indices) {
      Checks.requireFormat(
          index >= 0 && index < end,
          "%s: tensor %s holds %d (expected 0 to %d)",
          file.path(),
          name,
          index,
          end - 1);
    }
  }
}
