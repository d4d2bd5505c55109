package io.moepress.formats.lowprecision;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The tensors of a checkpoint as a model means them: those in low precision are one each, whatever
/// they are stored as.
public final class StoredTensors {
  private final SortedMap<String, TensorInfo> source;
  private final @Nullable TensorCodec codec;
  private final SortedMap<String, TensorInfo> tensors = new TreeMap<>();
  private final SortedMap<String, EncodedTensor> encoded = new TreeMap<>();
  private final SortedMap<String, String> broken = new TreeMap<>();

  /// Which part of which tensor a stored tensor is.
  private record Part(EncodedTensor whole, int place) {}

  private StoredTensors(SortedMap<String, TensorInfo> source, @Nullable TensorCodec codec) {
    this.source = source;
    this.codec = codec;
  }

  /// Looks at the headers of a checkpoint.
  ///
  /// @throws FormatException for a scheme that cannot be read, or parts that do not fit each other
  public static StoredTensors of(Checkpoint checkpoint) {
    return of(checkpoint.name(), checkpoint.config(), checkpoint.tensors());
  }

  /// Looks at the headers of a checkpoint that need not exist.
  ///
  /// @param where what to call it in a message
  /// @throws FormatException for a scheme that cannot be read, or parts that do not fit each other
  public static StoredTensors of(
      String where, ModelConfig config, SortedMap<String, TensorInfo> source) {
    StoredTensors stored = lenient(config, source);
    for (String problem : stored.broken.values()) {
      throw FormatException.of("%s: %s. Copy or download the checkpoint again.", where, problem);
    }
    return stored;
  }

  /// Looks at the headers of a checkpoint whose parts need not fit each other, for those who tell
  /// what is wrong with it.
  ///
  /// @throws FormatException for a scheme that cannot be read
  public static StoredTensors lenient(Checkpoint checkpoint) {
    return lenient(checkpoint.config(), checkpoint.tensors());
  }

  /// The same for a checkpoint that need not exist.
  ///
  /// @throws FormatException for a scheme that cannot be read
  public static StoredTensors lenient(ModelConfig config, SortedMap<String, TensorInfo> source) {
    TensorCodec codec = SourceScheme.of(config).orElse(null);
    StoredTensors stored = new StoredTensors(source, codec);
    if (codec == null) {
      stored.tensors.putAll(source);
    } else {
      stored.join(codec);
      source.values().forEach(info -> stored.addWhole(info, codec));
    }
    return stored;
  }

  private void join(TensorCodec codec) {
    String suffix = codec.suffixes().getFirst();
    for (TensorInfo info : source.values()) {
      Optional<String> whole = codec.whole(info.name(), suffix);
      if (whole.isPresent() && codec.isFirst(info)) {
        join(whole.get(), info, codec);
      }
    }
  }

  private void join(String whole, TensorInfo first, TensorCodec codec) {
    List<TensorInfo> found = new ArrayList<>(List.of(first));
    for (String suffix : codec.suffixes().subList(1, codec.suffixes().size())) {
      String name = codec.part(whole, suffix);
      TensorInfo part = source.get(name);
      if (part == null) {
        broken.putIfAbsent(
            whole,
            Checks.text(
                "tensor %s is missing: %s is stored in %s, as %s",
                name, whole, codec.label(), names(whole, codec)));
      } else {
        found.add(part);
      }
    }
    if (broken.containsKey(whole)) {
      return;
    }
    try {
      TensorInfo info = new TensorInfo(whole, codec.dtype(), codec.shape(found));
      tensors.put(whole, info);
      encoded.put(whole, new EncodedTensor(info, codec, found));
    } catch (FormatException e) {
      broken.put(whole, String.valueOf(e.getMessage()));
    }
  }

  private static List<String> names(String whole, TensorCodec codec) {
    return codec.suffixes().stream().map(suffix -> codec.part(whole, suffix)).toList();
  }

  private void addWhole(TensorInfo info, TensorCodec codec) {
    if (isPart(info, codec) || isOrphan(info.name(), codec)) {
      return;
    }
    if (broken.containsKey(info.name()) || tensors.put(info.name(), info) != null) {
      broken.put(
          info.name(), Checks.text("tensor %s is there twice, once in low precision", info.name()));
      tensors.remove(info.name());
      encoded.remove(info.name());
    }
  }

  /// Whether a tensor is a part of something whose first part is there.
  private boolean isPart(TensorInfo info, TensorCodec codec) {
    return part(info.name()).isPresent()
        || codec.suffixes().stream()
            .flatMap(suffix -> codec.whole(info.name(), suffix).stream())
            .anyMatch(whole -> broken.containsKey(whole));
  }

  /// Found anew each time, since it is seldom asked: to keep it of all tensors takes as much memory
  /// as their names.
  private Optional<Part> part(String name) {
    if (codec == null) {
      return Optional.empty();
    }
    for (int place = 0; place < codec.suffixes().size(); place++) {
      Optional<String> whole = codec.whole(name, codec.suffixes().get(place));
      if (whole.isPresent() && encoded.containsKey(whole.get())) {
        return Optional.of(new Part(encoded.get(whole.get()), place));
      }
    }
    return Optional.empty();
  }

  /// Whether a tensor is a part of something whose first part is not there.
  private boolean isOrphan(String name, TensorCodec codec) {
    for (String suffix : codec.suffixes()) {
      Optional<String> whole = codec.whole(name, suffix);
      if (!suffix.isEmpty() && whole.isPresent()) {
        broken.putIfAbsent(
            whole.get(),
            Checks.text(
                "tensor %s belongs to none in %s (expected %s beside it)",
                name, codec.label(), names(whole.get(), codec)));
        return true;
      }
    }
    return false;
  }

  /// Tensors in low precision whose parts are not all there or do not fit each other, by name, with
  /// what is wrong. They are in none of the other lists.
  public SortedMap<String, String> broken() {
    return Collections.unmodifiableSortedMap(broken);
  }

  /// Every tensor, by name. Those in low precision have the name and shape of what they stand for.
  public SortedMap<String, TensorInfo> tensors() {
    return Collections.unmodifiableSortedMap(tensors);
  }

  /// Those in low precision, by name.
  public SortedMap<String, EncodedTensor> encoded() {
    return Collections.unmodifiableSortedMap(encoded);
  }

  /// The tensors of the checkpoint that a tensor is stored as: itself, or its parts.
  public List<TensorInfo> parts(String name) {
    EncodedTensor tensor = encoded.get(name);
    return tensor == null ? List.of(info(name)) : tensor.parts();
  }

  /// Name, type and shape of a tensor.
  public TensorInfo info(String name) {
    TensorInfo info = tensors.get(name);
    if (info == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return info;
  }

  /// Elements of all tensors together.
  public long parameterCount() {
    return tensors.values().stream().mapToLong(info -> info.shape().elementCount()).sum();
  }

  /// Whether a part of a tensor in low precision stands for nothing but finite numbers; true for
  /// any other tensor.
  ///
  /// @param data a tensor of the checkpoint, or rows of it
  public boolean isFinite(TensorData data) {
    return part(data.info().name())
        .map(part -> part.whole().codec().isFinite(part.place(), data))
        .orElse(true);
  }

  /// Whether a part of a tensor in low precision is what it has to be beside the others; true for
  /// any other tensor.
  ///
  /// @param data a tensor of the checkpoint, or rows of it
  public boolean isSound(TensorData data) {
    return part(data.info().name())
        .map(part -> part.whole().codec().isSound(part.place(), data, part.whole().info().shape()))
        .orElse(true);
  }

  /// Reads a tensor. One in low precision is decoded to F32.
  ///
  /// @param checkpoint where its parts are
  /// @param arena owns the bytes
  public TensorData read(Checkpoint checkpoint, String name, Arena arena) throws IOException {
    EncodedTensor tensor = encoded.get(name);
    if (tensor == null) {
      return checkpoint.read(name, arena);
    }
    try (Arena reading = Arena.ofConfined()) {
      List<TensorData> stored = new ArrayList<>();
      for (TensorInfo part : tensor.parts()) {
        stored.add(checkpoint.read(part.name(), reading));
      }
      return decoded(name, tensor.info().shape(), tensor.codec(), stored, arena);
    }
  }

  /// Reads one index along axis 0 of a tensor, and no other, as a tensor with one dimension less,
  /// `name[index]`. One in low precision is decoded to F32; it needs at least three dimensions.
  ///
  /// @param checkpoint where its parts are
  /// @param arena owns the bytes
  public TensorData readSlice(Checkpoint checkpoint, String name, int index, Arena arena)
      throws IOException {
    EncodedTensor tensor = encoded.get(name);
    if (tensor == null) {
      return slice(checkpoint, name, index, arena);
    }
    try (Arena reading = Arena.ofConfined()) {
      List<TensorData> stored = new ArrayList<>();
      for (TensorInfo part : tensor.parts()) {
        stored.add(slice(checkpoint, part.name(), index, reading));
      }
      Shape shape = inner(tensor.info().shape());
      return decoded(name + "[" + index + "]", shape, tensor.codec(), stored, arena);
    }
  }

  /// Reads consecutive lines of one matrix, `[count, width]`. Lines are rows of the innermost
  /// extent, those of all matrices of a tensor numbered through. Of a tensor in low precision not
  /// much more is decoded, to F32.
  ///
  /// @param checkpoint where its parts are
  /// @param arena owns the bytes
  public TensorData readLines(
      Checkpoint checkpoint, String name, long first, long count, Arena arena) throws IOException {
    try (Arena reading = Arena.ofConfined()) {
      EncodedTensor tensor = Objects.requireNonNull(encoded.get(name), name);
      TensorInfo matrix = matrix(tensor.info());
      long inMatrix = first % matrix.shape().dimension(0);
      long step = tensor.codec().linesAtOnce(matrix);
      long begin = inMatrix / step * step;
      long end = (inMatrix + count + step - 1) / step * step;
      Lines lines = new Lines(begin, Math.min(end, matrix.shape().dimension(0)) - begin);
      Shape shape = Shape.of(lines.count(), matrix.shape().dimension(1));
      return decoded(
              name,
              shape,
              tensor.codec(),
              lines(checkpoint, tensor, first / matrix.shape().dimension(0), lines, reading),
              arena)
          .rows(inMatrix - begin, count);
    }
  }

  /// Some lines of a matrix.
  private record Lines(long first, long count) {}

  /// The parts of consecutive lines of one matrix of a tensor in low precision, as they are stored.
  ///
  /// @param checkpoint where the parts are
  /// @param first a line that [TensorCodec#lines] can begin at
  /// @param arena owns the bytes
  public List<TensorData> storedLines(
      Checkpoint checkpoint, String name, long first, long count, Arena arena) throws IOException {
    EncodedTensor tensor = Objects.requireNonNull(encoded.get(name), name);
    long height = matrix(tensor.info()).shape().dimension(0);
    return lines(checkpoint, tensor, first / height, new Lines(first % height, count), arena);
  }

  private static List<TensorData> lines(
      Checkpoint checkpoint, EncodedTensor tensor, long matrix, Lines lines, Arena arena)
      throws IOException {
    boolean stacked = tensor.info().shape().rank() > 2;
    List<TensorData> parts = new ArrayList<>();
    for (TensorInfo part : tensor.parts()) {
      parts.add(
          stacked
              ? slice(checkpoint, part.name(), Math.toIntExact(matrix), arena)
              : checkpoint.read(part.name(), arena));
    }
    return tensor.codec().lines(parts, lines.first(), lines.count());
  }

  /// A matrix of a tensor: itself, or what stands at one index along axis 0.
  private static TensorInfo matrix(TensorInfo tensor) {
    Shape shape = tensor.shape().rank() > 2 ? inner(tensor.shape()) : tensor.shape();
    Checks.require(shape.rank() == 2, "tensor %s: lines of %s", tensor.name(), tensor.shape());
    return new TensorInfo(tensor.name(), tensor.dtype(), shape);
  }

  private static TensorData slice(Checkpoint checkpoint, String name, int index, Arena arena)
      throws IOException {
    TensorData row = checkpoint.readRows(name, index, 1, arena);
    TensorInfo info = row.info();
    TensorInfo slice =
        new TensorInfo(info.name() + "[" + index + "]", info.dtype(), inner(info.shape()));
    return new TensorData(slice, row.bytes());
  }

  private static Shape inner(Shape shape) {
    return new Shape(shape.dimensions().subList(1, shape.rank()));
  }

  private static TensorData decoded(
      String name, Shape shape, TensorCodec codec, List<TensorData> parts, Arena arena) {
    TensorInfo info = new TensorInfo(name, DType.F32, shape);
    MemorySegment numbers = arena.allocate(info.byteCount(), Float.BYTES);
    codec.decode(parts, numbers);
    return new TensorData(info, numbers);
  }
}
