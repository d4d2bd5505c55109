package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.Shape;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// An importance matrix of llama.cpp ("imatrix"): how large the inputs of each weight's columns
/// were. It is a GGUF file with `general.type` `imatrix`, and for each weight
///
/// ```
/// NAME.in_sum2  F32 [matrices, width]  sums of squares of the inputs
/// NAME.counts   F32 [matrices, 1]      how many inputs there were
/// ```
///
/// A tensor of stacked experts has a matrix for each. Values are read when they are asked for; that
/// all are finite and not negative is known once the file is open. Safe for use by several threads.
public final class ImportanceFile implements Closeable {
  static final String TYPE = "imatrix";

  /// Bytes that are looked at together, unless a slice has more.
  private static final long READ_AT_ONCE = 1L << 20;

  static final String SUMS = ".in_sum2";
  static final String COUNTS = ".counts";
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final GgufFile file;
  private final Map<String, Entry> entries = new TreeMap<>();

  private record Entry(long matrices, long width) {}

  private ImportanceFile(GgufFile file) {
    this.file = file;
  }

  /// Opens a file and looks at all its values.
  ///
  /// @throws FormatException when it is no importance matrix, or has a value that is not finite
  public static ImportanceFile open(Path path) throws IOException {
    Checks.requireFormat(
        !path.toString().endsWith(".dat"),
        "%s: an importance matrix of the older form (expected GGUF). llama-imatrix --in-file %s -o"
            + " imatrix.gguf makes one of it.",
        path,
        path);
    GgufFile file = GgufFile.open(path);
    boolean opened = false;
    try {
      ImportanceFile importance = new ImportanceFile(file);
      importance.readEntries();
      opened = true;
      return importance;
    } finally {
      if (!opened) {
        file.close();
      }
    }
  }

  private void readEntries() throws IOException {
    Checks.requireFormat(
        file.text("general.type").filter(TYPE::equals).isPresent(),
        "%s: general.type %s (expected %s). Make one with \"moepress evidence imatrix\" or with"
            + " llama-imatrix, which also turns its older files into GGUF.",
        file.path(),
        file.text("general.type").orElse("is not there"),
        TYPE);
    for (GgufTensorInfo tensor : file.tensors()) {
      requireSound(tensor);
      if (tensor.name().endsWith(SUMS)) {
        addEntry(tensor);
      }
    }
    Checks.requireFormat(
        !entries.isEmpty(), "%s: no tensor NAME%s (expected one or more)", file.path(), SUMS);
  }

  private void addEntry(GgufTensorInfo sums) {
    String name = sums.name().substring(0, sums.name().length() - SUMS.length());
    long matrices = sums.shape().elementCount() / sums.width();
    long counts = file.tensor(name + COUNTS).map(info -> info.shape().elementCount()).orElse(0L);
    Checks.requireFormat(
        counts == matrices,
        "%s: %s%s has %d numbers (expected %d, one for each matrix of %s)",
        file.path(),
        name,
        COUNTS,
        counts,
        matrices,
        sums.shape());
    entries.put(name, new Entry(matrices, sums.width()));
  }

  private void requireSound(GgufTensorInfo tensor) throws IOException {
    Checks.requireFormat(
        tensor.type() == GgufType.F32,
        "%s: tensor %s: type %s (expected F32)",
        file.path(),
        tensor.name(),
        tensor.type());
    long slices = tensor.shape().dimension(0);
    long step = Math.max(1, READ_AT_ONCE / tensor.bytesPerSlice());
    for (long slice = 0; slice < slices; slice += step) {
      for (float value : floats(tensor.name(), slice, Math.min(step, slices - slice))) {
        if (!(value >= 0 && value <= Float.MAX_VALUE)) {
          throw FormatException.of(
              "%s: tensor %s: %s (expected finite numbers that are not negative). Measure it again.",
              file.path(), tensor.name(), value);
        }
      }
    }
  }

  /// The numbers at some indices of the outermost axis.
  private float[] floats(String tensor, long first, long count) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return file.readSlices(tensor, first, count, arena).toArray(FLOAT);
    }
  }

  /// The file.
  public GgufFile file() {
    return file;
  }

  /// How many weights it speaks of.
  public int size() {
    return entries.size();
  }

  /// Whether it speaks of a tensor.
  ///
  /// @throws FormatException when it was measured on a tensor of another size
  public boolean covers(GgufTensor tensor) {
    Entry entry = entries.get(tensor.name());
    if (entry == null) {
      return false;
    }
    Checks.requireFormat(
        entry.equals(new Entry(matrices(tensor), tensor.width())),
        "%s: %s was measured with %d matrices of width %d (expected %d of %d). Measure it on this"
            + " model.",
        file.path(),
        tensor.name(),
        entry.matrices(),
        entry.width(),
        matrices(tensor),
        tensor.width());
    return true;
  }

  /// The mean square of the inputs of each column; ones for a matrix that nothing reached.
  ///
  /// @param matrix index of the expert, or 0
  /// @return `[width]`; nothing when the file does not speak of this tensor
  public Optional<float[]> columns(GgufTensor tensor, long matrix) throws IOException {
    if (!covers(tensor)) {
      return Optional.empty();
    }
    boolean flat = file.tensor(tensor.name() + SUMS).orElseThrow().shape().rank() == 1;
    float[] sums = flat ? all(tensor.name() + SUMS) : floats(tensor.name() + SUMS, matrix, 1);
    float count = all(tensor.name() + COUNTS)[Math.toIntExact(matrix)];
    for (int column = 0; column < sums.length; column++) {
      sums[column] = count > 0 ? sums[column] / count : 1;
    }
    return Optional.of(sums);
  }

  /// How many inputs there were of each matrix of a tensor; nothing when the file does not speak of
  /// it.
  public Optional<float[]> counts(String tensor) throws IOException {
    return entries.containsKey(tensor) ? Optional.of(all(tensor + COUNTS)) : Optional.empty();
  }

  private float[] all(String tensor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return file.read(tensor, arena).toArray(FLOAT);
    }
  }

  /// How many matrices stand in a tensor.
  private static long matrices(GgufTensor tensor) {
    Shape shape = tensor.shape();
    return shape.rank() > 2 ? shape.dimension(0) : 1;
  }

  /// Sums to be written for one tensor.
  ///
  /// @param sums `[matrices][width]`, of squares of inputs; not copied
  /// @param counts `[matrices]`, numbers of inputs; not copied
  public record Sums(String tensor, double[][] sums, double[] counts) {}

  /// Where sums come from, tensor by tensor, so that not all stand in memory.
  public interface Source {
    /// The sums of a tensor, of the shape that was announced.
    Sums of(GgufTensor tensor) throws IOException;
  }

  /// Writes a file.
  ///
  /// @param metadata what else to say, such as `imatrix.datasets`
  /// @param tensors of which the file is to speak
  public static void write(
      Path path, Map<String, GgufValue> metadata, List<GgufTensor> tensors, Source source)
      throws IOException {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put("general.type", GgufValue.text(TYPE));
    values.putAll(metadata);
    List<GgufTensorInfo> infos =
        tensors.stream()
            .flatMap(tensor ->
                List.of(
                    new GgufTensorInfo(
                        tensor.name() + SUMS,
                        GgufType.F32,
                        Shape.of(matrices(tensor), tensor.width())),
                    new GgufTensorInfo(
                        tensor.name() + COUNTS, GgufType.F32, Shape.of(matrices(tensor), 1)))
                    .stream())
            .toList();
    try (GgufWriter writer = GgufWriter.create(path, GgufHeader.layOut(values, infos))) {
      for (GgufTensor tensor : tensors) {
        Sums sums = source.of(tensor);
        for (double[] matrix : sums.sums()) {
          writer.append(tensor.name() + SUMS, bytes(matrix));
        }
        writer.append(tensor.name() + COUNTS, bytes(sums.counts()));
      }
      writer.finish();
    }
  }

  private static MemorySegment bytes(double[] values) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    for (int i = 0; i < values.length; i++) {
      bytes.setAtIndex(FLOAT, i, (float) values[i]);
    }
    return bytes;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
