package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.safetensors.SafetensorsWriter;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.ToolVersion;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Evidence on disk: a directory with `evidence.json` (what was measured) and
/// `evidence.safetensors` (the numbers: F64 tensors `layers.{layer}.{statistic}` of shape
/// `[domains, experts]`).
public final class EvidenceFile {
  /// Version of the format this class writes, and the only one it reads.
  public static final int FORMAT_VERSION = 1;

  private static final String HEAD = "evidence.json";
  private static final String NUMBERS = "evidence.safetensors";

  private EvidenceFile() {}

  /// The contents of `evidence.json`.
  ///
  /// @param experts number of routed experts by decoder layer
  /// @param numbers digest of `evidence.safetensors`
  record Head(
      int formatVersion,
      String tool,
      String checkpoint,
      int maxTokens,
      List<Evidence.Domain> domains,
      SortedMap<Integer, Integer> experts,
      String numbers) {}

  /// Writes evidence to a directory, which appears at once and replaces an older one.
  public static void write(Evidence evidence, Path directory) throws IOException {
    try (StagedDirectory stage = StagedDirectory.create(directory, true)) {
      Path numbers = stage.path().resolve(NUMBERS);
      writeNumbers(evidence, numbers);
      SortedMap<Integer, Integer> experts = new TreeMap<>();
      evidence.layers().forEach((layer, values) -> experts.put(layer, values.experts()));
      Json.write(
          stage.path().resolve(HEAD),
          new Head(
              FORMAT_VERSION,
              ToolVersion.text(),
              evidence.checkpoint(),
              evidence.maxTokens(),
              evidence.domains(),
              experts,
              Fingerprint.ofFile(numbers)));
      stage.commit();
    }
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

  /// Whether a directory holds evidence, sound or not.
  public static boolean isIn(Path directory) {
    return Files.isRegularFile(directory.resolve(HEAD));
  }

  /// Reads evidence.
  ///
  /// @throws FormatException when it is not evidence, of another version, or damaged
  public static Evidence read(Path directory) throws IOException {
    Path head = directory.resolve(HEAD);
    Checks.requireFormat(
        Files.isRegularFile(head), "%s: no %s (expected evidence)", directory, HEAD);
    int version = Json.object(head).path("formatVersion").asInt(0);
    Checks.requireFormat(
        version == FORMAT_VERSION,
        "%s: formatVersion %d is too %s for this version of moepress (expected %d). Calibrate again.",
        head,
        version,
        version < FORMAT_VERSION ? "old" : "new",
        FORMAT_VERSION);
    return readNumbers(directory, Json.read(head, Head.class));
  }

  private static Evidence readNumbers(Path directory, Head head) throws IOException {
    Path numbers = directory.resolve(NUMBERS);
    String digest = Fingerprint.ofFile(numbers);
    Checks.requireFormat(
        digest.equals(head.numbers()),
        "%s: digest %s (expected %s from %s). The file was changed or damaged; calibrate again.",
        numbers,
        digest,
        head.numbers(),
        HEAD);
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(numbers);
        Arena arena = Arena.ofConfined()) {
      for (Map.Entry<Integer, Integer> layer : head.experts().entrySet()) {
        Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
        for (Entry entry : file.header().entries()) {
          String prefix = "layers." + layer.getKey() + ".";
          if (entry.info().name().startsWith(prefix)) {
            Statistic statistic = statistic(numbers, entry.info().name(), prefix);
            double[] flat = Numbers.doubles(file.read(entry.info().name(), arena));
            Shape expected = Shape.of(head.domains().size(), layer.getValue());
            requireShape(numbers, entry.info(), expected);
            values.put(statistic, rows(numbers, entry.info(), flat));
          }
        }
        layers.put(layer.getKey(), new Evidence.Layer(layer.getValue(), values));
      }
    }
    return new Evidence(head.checkpoint(), head.maxTokens(), head.domains(), layers);
  }

  private static Statistic statistic(Path file, String name, String prefix) {
    return Statistic.named(name.substring(prefix.length()))
        .orElseThrow(() -> FormatException.of("%s: unknown statistic %s", file, name));
  }

  private static void requireShape(Path file, TensorInfo info, Shape expected) {
    Checks.requireFormat(
        info.shape().equals(expected),
        "%s: tensor %s: shape %s (expected %s, domains and experts of %s)",
        file,
        info.name(),
        info.shape(),
        expected,
        HEAD);
  }

  private static double[][] rows(Path file, TensorInfo info, double[] flat) {
    for (double value : flat) {
      Checks.requireFormat(
          Double.isFinite(value), "%s: tensor %s holds %s", file, info.name(), value);
    }
    int experts = Math.toIntExact(info.shape().dimension(1));
    double[][] rows = new double[Math.toIntExact(info.shape().dimension(0))][];
    for (int domain = 0; domain < rows.length; domain++) {
      rows[domain] = Arrays.copyOfRange(flat, domain * experts, (domain + 1) * experts);
    }
    return rows;
  }

  /// The digest by which a plan names the evidence it was made from.
  public static String digest(Path directory) throws IOException {
    return Fingerprint.ofFile(directory.resolve(HEAD));
  }
}
