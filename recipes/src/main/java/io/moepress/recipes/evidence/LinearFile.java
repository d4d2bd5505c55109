package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What was gathered of the linear maps of a layer on disk: a safetensors file of F64 tensors
/// `{statistic}.{input}`.
final class LinearFile implements LinearSums {
  private final SealedFile file;
  private final Map<LinearStatistic, Set<LinearInput>> held;

  private LinearFile(SealedFile file, Map<LinearStatistic, Set<LinearInput>> held) {
    this.file = file;
    this.held = held;
  }

  /// Writes sums, at least one.
  static void write(Path path, LinearSums sums) throws IOException {
    List<TensorInfo> infos = new ArrayList<>();
    List<double[][]> values = new ArrayList<>();
    for (LinearStatistic statistic : sums.statistics()) {
      for (LinearInput input : sums.inputs(statistic)) {
        double[][] rows = sums.sum(statistic, input);
        Shape shape = Shape.of(rows.length, rows[0].length);
        infos.add(new TensorInfo(name(statistic, input), DType.F64, shape));
        values.add(rows);
      }
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, infos, Map.of())) {
      for (int i = 0; i < infos.size(); i++) {
        try (Arena arena = Arena.ofConfined()) {
          writer.write(infos.get(i).name(), Stored.bytes(values.get(i), arena));
        }
      }
      writer.finish();
    }
  }

  /// Opens a file and checks all but the numbers.
  ///
  /// @throws FormatException when it holds anything but such sums
  static LinearFile open(SealedFile file) throws IOException {
    Map<LinearStatistic, Set<LinearInput>> held = new EnumMap<>(LinearStatistic.class);
    try (SafetensorsFile tensors = SafetensorsFile.open(file.path())) {
      for (Entry entry : tensors.header().entries()) {
        String[] parts = entry.info().name().split("\\.", 2);
        LinearStatistic statistic =
            LinearStatistic.named(parts[0]).orElseThrow(() -> unknown(file, entry.info()));
        LinearInput input =
            LinearInput.named(parts.length < 2 ? "" : parts[1])
                .filter(known -> !known.isOfExperts())
                .orElseThrow(() -> unknown(file, entry.info()));
        requireShape(file, entry.info(), statistic);
        held.computeIfAbsent(statistic, absent -> EnumSet.noneOf(LinearInput.class)).add(input);
      }
    }
    return new LinearFile(file, held);
  }

  private static FormatException unknown(SealedFile file, TensorInfo info) {
    return FormatException.of("%s: unknown tensor %s", file.path(), info.name());
  }

  private static void requireShape(SealedFile file, TensorInfo info, LinearStatistic statistic) {
    Shape shape = info.shape();
    boolean fits =
        shape.rank() == 2
            && shape.dimension(1) > 0
            && shape.dimension(1) <= Integer.MAX_VALUE
            && shape.dimension(0) == statistic.rows((int) shape.dimension(1));
    Checks.requireFormat(
        fits,
        "%s: tensor %s: shape %s (expected %s)",
        file.path(),
        info.name(),
        shape,
        statistic.shape());
  }

  private static String name(LinearStatistic statistic, LinearInput input) {
    return statistic.label() + "." + input.label();
  }

  String digest() {
    return file.digest();
  }

  void requireIntact() throws IOException {
    file.requireIntact();
  }

  @Override
  public Set<LinearStatistic> statistics() {
    return held.keySet();
  }

  @Override
  public Set<LinearInput> inputs(LinearStatistic statistic) {
    return held.getOrDefault(statistic, Set.of());
  }

  @Override
  public double[][] sum(LinearStatistic statistic, LinearInput input) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file.intact());
        Arena arena = Arena.ofConfined()) {
      return Stored.rows(file.path(), tensors.read(name(statistic, input), arena));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
