package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceHead.ReservoirHead;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Evidence on disk, a directory:
///
/// | file | what it holds |
/// |---|---|
/// | `evidence.json` | what was measured, what each statistic means, the digests of the other files |
/// | `evidence.safetensors` | F64 tensors `layers.{layer}.{statistic}`, `[domains, experts]` |
/// | `matrices/layer-00003.safetensors` | a layer's matrices: F64 tensors `{statistic}` |
/// | `linears/layer-00003.safetensors` | what the linear maps of a layer read: F64 tensors `{statistic}.{input}` |
/// | `reservoir/layer-00003.safetensors` | a layer's reservoir: `tokens`, `domains`, `inputs`, `experts`, `weights` |
///
/// Reading checks everything but the numbers of matrices and reservoirs, which are read, and
/// checked, when they are asked for.
public final class EvidenceFile {
  /// Version of the format this class writes, and the only one it reads.
  public static final int FORMAT_VERSION = 1;

  static final String HEAD = "evidence.json";
  static final String NUMBERS = "evidence.safetensors";
  static final String MATRICES = "matrices";
  static final String RESERVOIR = "reservoir";
  static final String LINEARS = "linears";

  private EvidenceFile() {}

  /// The file of a layer in one of the two folders.
  static Path layerFile(Path directory, String folder, int layer) {
    return directory.resolve(folder).resolve(Checks.text("layer-%05d.safetensors", layer));
  }

  /// Writes evidence to a directory, which appears at once and replaces an older one.
  public static void write(Evidence evidence, Path directory) throws IOException {
    try (EvidenceWriter writer = EvidenceWriter.create(directory)) {
      for (Map.Entry<Integer, Evidence.Layer> layer : evidence.layers().entrySet()) {
        writer.keep(layer.getKey(), layer.getValue());
      }
      for (Map.Entry<Integer, LinearSums> layer : evidence.linears().entrySet()) {
        writer.keep(layer.getKey(), layer.getValue());
      }
      writer.commit(evidence);
    }
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
    ObjectNode document = Json.object(head);
    int version = document.path("formatVersion").asInt(0);
    Checks.requireFormat(
        version == FORMAT_VERSION,
        "%s: formatVersion %d is too %s for this version of moepress (expected %d). Calibrate again.",
        head,
        version,
        version < FORMAT_VERSION ? "old" : "new",
        FORMAT_VERSION);
    return read(directory, Json.bind(document, EvidenceHead.class, head.toString()));
  }

  /// Reads evidence and makes sure that the large files, too, are as they were written. That takes
  /// as long as reading them.
  ///
  /// @throws FormatException when it is not evidence, of another version, or damaged
  public static Evidence readIntact(Path directory) throws IOException {
    Evidence evidence = read(directory);
    for (Evidence.Layer layer : evidence.layers().values()) {
      if (layer.parts() instanceof LayerFiles files) {
        files.requireIntact();
      }
    }
    for (LinearSums layer : evidence.linears().values()) {
      if (layer instanceof LinearFile file) {
        file.requireIntact();
      }
    }
    return evidence;
  }

  private static Evidence read(Path directory, EvidenceHead head) throws IOException {
    SealedFile numbers = new SealedFile(directory.resolve(NUMBERS), head.numbers());
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(numbers.intact());
        Arena arena = Arena.ofConfined()) {
      for (Map.Entry<Integer, Integer> layer : head.experts().entrySet()) {
        Checks.requireFormat(
            layer.getValue() > 0,
            "%s: layer %d: %d experts (expected at least 1)",
            HEAD,
            layer.getKey(),
            layer.getValue());
        Map<Statistic, double[][]> values = new EnumMap<>(Statistic.class);
        for (Entry entry : file.header().entries()) {
          String prefix = "layers." + layer.getKey() + ".";
          if (entry.info().name().startsWith(prefix)) {
            Statistic statistic = statistic(numbers.path(), entry.info().name(), prefix);
            double[] flat = Numbers.doubles(file.read(entry.info().name(), arena));
            Shape expected = Shape.of(head.domains().size(), layer.getValue());
            requireShape(numbers.path(), entry.info(), expected);
            values.put(statistic, rows(numbers.path(), entry.info(), flat));
          }
        }
        LargeParts parts = parts(directory, head, layer.getKey());
        layers.put(layer.getKey(), new Evidence.Layer(layer.getValue(), values, parts));
      }
    }
    ReservoirHead reservoir = head.reservoir();
    Sampling sampling =
        reservoir == null ? null : new Sampling(reservoir.tokens(), reservoir.seed());
    return new Evidence(
        head.checkpoint(),
        head.maxTokens(),
        head.domains(),
        layers,
        sampling,
        linears(directory, head),
        head.propagation());
  }

  private static SortedMap<Integer, LinearSums> linears(Path directory, EvidenceHead head)
      throws IOException {
    SortedMap<Integer, LinearSums> linears = new TreeMap<>();
    if (head.linears() != null) {
      for (int layer : head.linears().keySet()) {
        SealedFile file = sealed(directory, LINEARS, layer, head.linears());
        if (file != null) {
          linears.put(layer, LinearFile.open(file));
        }
      }
    }
    return linears;
  }

  private static LargeParts parts(Path directory, EvidenceHead head, int layer) throws IOException {
    int experts = head.experts().getOrDefault(layer, 0);
    SealedFile matrices = sealed(directory, MATRICES, layer, head.matrices());
    return new LayerFiles(
        matrices == null ? null : MatrixFile.open(matrices, experts),
        head.reservoir() == null ? null : sample(directory, head, head.reservoir(), layer));
  }

  private static ReservoirFile sample(
      Path directory, EvidenceHead head, ReservoirHead reservoir, int layer) {
    SealedFile file = sealed(directory, RESERVOIR, layer, reservoir.layers());
    if (file == null) {
      throw FormatException.of(
          "%s: no reservoir of layer %d (expected one for each layer). Calibrate again.",
          directory, layer);
    }
    long tokens = head.domains().stream().mapToLong(Evidence.Domain::tokens).sum();
    int experts = head.experts().getOrDefault(layer, 0);
    return new ReservoirFile(
        file, new ReservoirFile.Bounds(reservoir.tokens(), tokens, head.domains().size(), experts));
  }

  private static @Nullable SealedFile sealed(
      Path directory, String folder, int layer, @Nullable SortedMap<Integer, String> digests) {
    String digest = digests == null ? null : digests.get(layer);
    if (digest == null) {
      return null;
    }
    Path file = layerFile(directory, folder, layer);
    Checks.requireFormat(
        Files.isRegularFile(file),
        "%s: no such file (expected one, as %s says). Calibrate again.",
        file,
        HEAD);
    return new SealedFile(file, digest);
  }

  private static Statistic statistic(Path file, String name, String prefix) {
    return Statistic.named(name.substring(prefix.length()))
        .filter(statistic -> !statistic.isMatrix())
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
