package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.node.JsonNodeFactory;

/// The weights of a GGUF file as a checkpoint: in F32, under the names and in the order that they
/// had where the file was made. So it can be run and evaluated as what it was made of.
public final class GgufWeights implements Checkpoint {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final GgufFile file;
  private final ModelConfig config;
  private final SortedMap<String, TensorInfo> tensors = new TreeMap<>();
  private final Map<String, List<Place>> places = new HashMap<>();

  /// Where a piece stands in the file.
  ///
  /// @param row its first row, of the innermost extent
  private record Place(GgufTensorInfo tensor, long row, Piece piece) {}

  private GgufWeights(GgufFile file, MoeModel model) {
    this.file = file;
    ModelConfig source = model.checkpoint().config();
    this.config =
        source.value(SourceScheme.KEY).isEmpty()
            ? source
            : source.with(SourceScheme.KEY, JsonNodeFactory.instance.nullNode());
    for (GgufTensor tensor : GgufModel.of(model).tensors()) {
      add(tensor, model);
    }
  }

  /// Opens a file.
  ///
  /// @param model what it was made of
  /// @throws FormatException when it was made of something else
  public static GgufWeights open(Path path, MoeModel model) throws IOException {
    GgufFile file = GgufFile.open(path);
    boolean opened = false;
    try {
      GgufWeights weights = new GgufWeights(file, model);
      opened = true;
      return weights;
    } finally {
      if (!opened) {
        file.close();
      }
    }
  }

  private void add(GgufTensor tensor, MoeModel model) {
    GgufTensorInfo info =
        file.tensor(tensor.name())
            .filter(found -> found.shape().equals(tensor.shape()))
            .orElseThrow(() ->
                FormatException.of(
                    "%s: no tensor %s of the shape %s (expected, by %s). Name the model that the file"
                        + " was made of.",
                    file.path(), tensor.name(), tensor.shape(), model.checkpoint().name()));
    long row = 0;
    for (Piece piece : tensor.pieces()) {
      String name = piece.tensor();
      Shape shape = model.inventory().stored().info(name).shape();
      tensors.put(name, new TensorInfo(name, DType.F32, shape));
      places.computeIfAbsent(name, ignored -> new ArrayList<>()).add(new Place(info, row, piece));
      row += piece.elementCount() / info.width();
    }
  }

  @Override
  public String name() {
    return String.valueOf(file.path().getFileName());
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public SortedMap<String, TensorInfo> tensors() {
    return Collections.unmodifiableSortedMap(tensors);
  }

  @Override
  public TensorData read(String tensor, Arena arena) throws IOException {
    return readRows(tensor, 0, info(tensor).shape().dimension(0), arena);
  }

  @Override
  public TensorData readRows(String tensor, long first, long count, Arena arena)
      throws IOException {
    TensorInfo whole = info(tensor);
    TensorInfo part = new TensorInfo(tensor, DType.F32, whole.shape().withRows(count));
    MemorySegment target = arena.allocate(part.byteCount(), Float.BYTES);
    long perRow = whole.shape().elementCount() / whole.shape().dimension(0);
    for (Place place : places.getOrDefault(tensor, List.of())) {
      Piece piece = place.piece();
      boolean needed =
          piece.firstRow() < first + count && first < piece.firstRow() + piece.rowCount();
      if (needed) {
        put(place, target, (piece.firstRow() - first) * perRow);
      }
    }
    return new TensorData(part, target);
  }

  private TensorInfo info(String tensor) {
    TensorInfo info = tensors.get(tensor);
    if (info == null) {
      throw FormatException.of("%s: no tensor %s", name(), tensor);
    }
    return info;
  }

  /// Puts the elements of a piece where they stood.
  ///
  /// @param origin where its first row begins among the elements of `target`; may be in front of it
  private void put(Place place, MemorySegment target, long origin) throws IOException {
    Piece piece = place.piece();
    float[] values = values(place);
    long elements = target.byteSize() / Float.BYTES;
    int next = 0;
    for (long row = 0; row < piece.rows(); row++) {
      long at = origin + piece.view().row(row);
      for (long column = 0; column < piece.columns(); column++) {
        if (at >= 0 && at < elements) {
          target.set(FLOAT, at * Float.BYTES, values[next]);
        }
        next++;
        at += piece.view().columnStride();
      }
    }
  }

  private float[] values(Place place) throws IOException {
    GgufTensorInfo info = place.tensor();
    BlockEncoding encoding =
        BlockEncoding.named(info.type().name())
            .orElseThrow(() ->
                FormatException.of(
                    "%s: tensor %s: type %s cannot be decoded",
                    file.path(), info.name(), info.type()));
    long rows = place.piece().elementCount() / info.width();
    Checks.require(rows > 0, "piece of %s without rows", info.name());
    try (Arena reading = Arena.ofConfined()) {
      return encoding.decode(file.readRows(info.name(), place.row(), rows, reading));
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
