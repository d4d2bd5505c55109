package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Checkpoint;
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

    /// The matrix turned over: rows of the result stand `stride` apart in a row of the source.
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

  /// Reads the piece, `[rows, columns]`, in the type it has in the checkpoint.
  public TensorData read(Checkpoint checkpoint, Arena arena) throws IOException {
    TensorData source = checkpoint.readRows(tensor, firstRow, rowCount, arena);
    TensorInfo info = new TensorInfo(tensor, source.info().dtype(), Shape.of(rows, columns));
    if (isWhole(source)) {
      return new TensorData(info, source.bytes());
    }
    MemorySegment target = arena.allocate(info.byteCount(), Long.BYTES);
    gather(source.bytes(), target, source.info().dtype().bits() / Byte.SIZE);
    return new TensorData(info, target);
  }

  private boolean isWhole(TensorData source) {
    return source.info().shape().elementCount() == elementCount()
        && view.equals(View.plain(columns));
  }

  private void gather(MemorySegment source, MemorySegment target, int width) {
    long next = 0;
    for (long row = 0; row < rows; row++) {
      long start = view.row(row) * width;
      if (view.columnStride() == 1) {
        MemorySegment.copy(source, start, target, next, columns * width);
        next += columns * width;
      } else {
        for (long column = 0; column < columns; column++) {
          long from = start + column * view.columnStride() * width;
          MemorySegment.copy(source, from, target, next, width);
          next += width;
        }
      }
    }
  }
}
