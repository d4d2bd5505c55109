package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.evidence.Statistic.Form;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The matrices of one layer on disk: a safetensors file of F64 tensors, named as the statistics.
final class MatrixFile {
  private final SealedFile file;
  private final Set<Statistic> statistics;

  private MatrixFile(SealedFile file, Set<Statistic> statistics) {
    this.file = file;
    this.statistics = statistics;
  }

  /// Writes matrices, at least one.
  static void write(Path path, LargeParts parts) throws IOException {
    Map<Statistic, double[][]> matrices = new EnumMap<>(Statistic.class);
    parts.statistics().forEach(statistic -> matrices.put(statistic, parts.matrix(statistic)));
    List<TensorInfo> infos = new ArrayList<>();
    matrices.forEach((statistic, rows) ->
        infos.add(
            new TensorInfo(statistic.label(), DType.F64, Shape.of(rows.length, rows[0].length))));
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, infos, Map.of())) {
      for (Map.Entry<Statistic, double[][]> matrix : matrices.entrySet()) {
        try (Arena arena = Arena.ofConfined()) {
          writer.write(matrix.getKey().label(), Stored.bytes(matrix.getValue(), arena));
        }
      }
      writer.finish();
    }
  }

  /// Opens a file and checks all but the numbers.
  ///
  /// @param experts of its layer
  /// @throws FormatException when it holds anything but matrices of that layer
  static MatrixFile open(SealedFile file, int experts) throws IOException {
    Set<Statistic> statistics = EnumSet.noneOf(Statistic.class);
    try (SafetensorsFile tensors = SafetensorsFile.open(file.path())) {
      for (Entry entry : tensors.header().entries()) {
        Statistic statistic =
            Statistic.named(entry.info().name())
                .filter(Statistic::isMatrix)
                .orElseThrow(() ->
                    FormatException.of(
                        "%s: unknown statistic %s (expected one of %s)",
                        file.path(), entry.info().name(), known()));
        requireShape(file.path(), entry.info(), statistic.form(), experts);
        statistics.add(statistic);
      }
    }
    return new MatrixFile(file, Collections.unmodifiableSet(statistics));
  }

  private static List<String> known() {
    Set<Statistic> matrices = EnumSet.allOf(Statistic.class);
    matrices.removeIf(statistic -> !statistic.isMatrix());
    return Statistic.labels(matrices);
  }

  private static void requireShape(Path path, TensorInfo info, Form form, int experts) {
    Shape shape = info.shape();
    boolean fits =
        shape.rank() == 2
            && shape.dimension(0) == experts
            && shape.dimension(1) > 0
            && (form != Form.EXPERT_PAIRS || shape.dimension(1) == experts);
    Checks.requireFormat(
        fits,
        "%s: tensor %s: shape %s (expected %s with E = %d)",
        path,
        info.name(),
        shape,
        form.shape(),
        experts);
  }

  /// The matrices in the file.
  Set<Statistic> statistics() {
    return statistics;
  }

  String digest() {
    return file.digest();
  }

  void requireIntact() throws IOException {
    file.requireIntact();
  }

  /// Reads a matrix.
  double[][] read(Statistic statistic) throws IOException {
    try (SafetensorsFile tensors = SafetensorsFile.open(file.intact());
        Arena arena = Arena.ofConfined()) {
      return Stored.rows(file.path(), tensors.read(statistic.label(), arena));
    }
  }
}
