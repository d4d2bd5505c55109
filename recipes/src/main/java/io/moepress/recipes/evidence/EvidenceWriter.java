package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceHead.ReservoirHead;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Writes evidence: the large parts layer by layer, everything else at the end. The directory
/// appears at once, and replaces an older one, with [#commit]; closed before that, nothing is left
/// behind.
final class EvidenceWriter implements Closeable {
  private final StagedDirectory stage;
  private final SortedMap<Integer, String> matrices = new TreeMap<>();
  private final SortedMap<Integer, String> reservoirs = new TreeMap<>();
  private final SortedMap<Integer, String> linears = new TreeMap<>();
  private final EnumSet<Statistic> held = EnumSet.noneOf(Statistic.class);

  private EvidenceWriter(StagedDirectory stage) {
    this.stage = stage;
  }

  /// Starts a directory.
  static EvidenceWriter create(Path directory) throws IOException {
    return new EvidenceWriter(StagedDirectory.create(directory, true));
  }

  /// Writes the large parts of a layer.
  void keep(int layer, Evidence.Layer measured) throws IOException {
    held.addAll(measured.statistics());
    LayerFiles files = LayerSpool.write(stage.path(), layer, measured);
    if (files.matrices() != null) {
      matrices.put(layer, files.matrices().digest());
    }
    if (files.sample() != null) {
      reservoirs.put(layer, files.sample().digest());
    }
  }

  /// Writes what was gathered of the linear maps of a layer.
  void keep(int layer, LinearSums measured) throws IOException {
    if (!measured.statistics().isEmpty()) {
      linears.put(layer, LayerSpool.write(stage.path(), layer, measured).digest());
    }
  }

  /// Writes the rest and moves the directory to its place.
  ///
  /// @param evidence whose layers were kept by this writer
  void commit(Evidence evidence) throws IOException {
    Path numbers = stage.path().resolve(EvidenceFile.NUMBERS);
    writeNumbers(evidence, numbers);
    SortedMap<Integer, Integer> experts = new TreeMap<>();
    evidence.layers().forEach((layer, values) -> experts.put(layer, values.experts()));
    ReservoirHead reservoir = reservoirHead(evidence);
    Json.write(
        stage.path().resolve(EvidenceFile.HEAD),
        new EvidenceHead(
            EvidenceFile.FORMAT_VERSION,
            ToolVersion.text(),
            evidence.checkpoint(),
            evidence.maxTokens(),
            evidence.domains(),
            experts,
            Fingerprint.ofFile(numbers),
            matrices.isEmpty() ? null : matrices,
            reservoir,
            linears.isEmpty() ? null : linears,
            evidence.propagation(),
            EvidenceHead.conventions(held, evidence.linearStatistics(), reservoir != null)));
    stage.commit();
  }

  private @Nullable ReservoirHead reservoirHead(Evidence evidence) {
    Sampling sampling = evidence.sampling();
    if (sampling == null) {
      Checks.require(reservoirs.isEmpty(), "a reservoir nobody says how it was drawn");
      return null;
    }
    Checks.require(
        reservoirs.keySet().equals(evidence.layers().keySet()),
        "reservoirs of layers %s, evidence of layers %s",
        reservoirs.keySet(),
        evidence.layers().keySet());
    return new ReservoirHead(sampling.tokens(), sampling.seed(), reservoirs);
  }

  private static void writeNumbers(Evidence evidence, Path file) throws IOException {
    Map<TensorInfo, MemorySegment> tensors = new LinkedHashMap<>();
    evidence
        .layers()
        .forEach((layer, values) ->
            values
                .values()
                .forEach((statistic, numbers) ->
                    tensors.put(info(layer, statistic, numbers), bytes(numbers))));
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(file, List.copyOf(tensors.keySet()), Map.of())) {
      for (Map.Entry<TensorInfo, MemorySegment> tensor : tensors.entrySet()) {
        writer.write(tensor.getKey().name(), tensor.getValue());
      }
      writer.finish();
    }
  }

  private static TensorInfo info(int layer, Statistic statistic, double[][] numbers) {
    Shape shape = Shape.of(numbers.length, numbers.length == 0 ? 0 : numbers[0].length);
    return new TensorInfo("layers." + layer + "." + statistic.label(), DType.F64, shape);
  }

  private static MemorySegment bytes(double[][] numbers) {
    double[] flat = Arrays.stream(numbers).flatMapToDouble(Arrays::stream).toArray();
    return Numbers.bytes(flat);
  }

  @Override
  public void close() throws IOException {
    stage.close();
  }
}
