package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Some consecutive rows of a tensor of a GGUF file, and where their elements stand in a tensor of
/// the checkpoint: element `(i, j)` is element
///
/// ```
/// view.offset + (i / inner) · outerStride + (i % inner) · innerStride + j · columnStride
/// ```
///
/// of the rows `firstRow` to `firstRow + rowCount - 1` (indices along axis 0) of `tensor`. Pieces
/// are read by themselves, so that a tensor never stands in memory as a whole.
///
/// @param tensor name in the checkpoint
/// @param rows rows of the piece
/// @param columns elements of a row
public record Piece(
    String tensor, long firstRow, long rowCount, long rows, long columns, View view) {

  /// An order of elements.
  ///
  /// @param inner rows that stand `innerStride` apart before the next `outerStride`
  public record View(
      long offset, long outerStride, long inner, long innerStride, long columnStride) {

    /// Rows that stand one behind the other.
    static View plain(long columns) {
      return new View(0, columns, 1, 0, 1);
    }

    /// Rows that stand `stride` apart.
    static View rows(long offset, long stride) {
      return new View(offset, stride, 1, 0, 1);
    }

    /// Rows that stand `stride` apart, and their elements `columnStride`: such as a matrix turned
    /// over.
    static View turned(long offset, long stride, long columnStride) {
      return new View(offset, stride, 1, 0, columnStride);
    }

    /// Pairs of rows that stand half the rows apart, side by side.
    static View pairs(long rows, long columns) {
      return new View(0, columns, 2, rows / 2 * columns, 1);
    }

    /// The same order, beginning with a later row.
    View from(long row) {
      return new View(row(row), outerStride, inner, innerStride, columnStride);
    }

    /// The same order among elements of which the first ones are not there.
    private View behind(long elements) {
      return new View(offset - elements, outerStride, inner, innerStride, columnStride);
    }

    long row(long index) {
      return offset + index / inner * outerStride + index % inner * innerStride;
    }
  }

  public Piece {
    Checks.require(rows > 0 && columns > 0, "piece of %s: %d x %d", tensor, rows, columns);
  }

  /// Elements of the piece.
  public long elementCount() {
    return Math.multiplyExact(rows, columns);
  }

  /// Reads the piece, `[rows, columns]`, in the type it has in the checkpoint, or, where it is
  /// stored in low precision, in F32.
  public TensorData read(MoeModel model, Arena arena) throws IOException {
    StoredTensors stored = model.inventory().stored();
    if (stored.encoded().containsKey(tensor)) {
      Lines lines = lines(stored.info(tensor).shape());
      return gathered(
          stored.readLines(model.checkpoint(), tensor, lines.first(), lines.count(), arena),
          lines.view(),
          arena);
    }
    return gathered(model.checkpoint().readRows(tensor, firstRow, rowCount, arena), view, arena);
  }

  /// Consecutive lines, which are rows of the innermost extent of a tensor.
  ///
  /// @param first among all lines of the tensor
  /// @param view where the elements of the piece stand in these lines
  record Lines(long first, long count, View view) {}

  /// The lines of a tensor of this shape that the piece needs.
  Lines lines(Shape shape) {
    long width = shape.dimension(shape.rank() - 1);
    long perRow = shape.elementCount() / shape.dimension(0) / width;
    long lowest = Long.MAX_VALUE;
    long highest = 0;
    for (long row = 0; row < rows; row++) {
      lowest = Math.min(lowest, view.row(row));
      highest = Math.max(highest, view.row(row));
    }
    highest += (columns - 1) * view.columnStride();
    long first = lowest / width;
    return new Lines(
        firstRow * perRow + first, highest / width - first + 1, view.behind(first * width));
  }

  private TensorData gathered(TensorData source, View order, Arena arena) {
    TensorInfo info = new TensorInfo(tensor, source.info().dtype(), Shape.of(rows, columns));
    if (source.info().shape().elementCount() == elementCount()
        && order.equals(View.plain(columns))) {
      return new TensorData(info, source.bytes());
    }
    MemorySegment target = arena.allocate(info.byteCount(), Long.BYTES);
    gather(source.bytes(), order, target, source.info().dtype().bits() / Byte.SIZE);
    return new TensorData(info, target);
  }

  private void gather(MemorySegment source, View order, MemorySegment target, int width) {
    long next = 0;
    for (long row = 0; row < rows; row++) {
      long start = order.row(row) * width;
      if (order.columnStride() == 1) {
        MemorySegment.copy(source, start, target, next, columns * width);
        next += columns * width;
      } else {
        for (long column = 0; column < columns; column++) {
          long from = start + column * order.columnStride() * width;
          MemorySegment.copy(source, from, target, next, width);
          next += width;
        }
      }
    }
  }
}
