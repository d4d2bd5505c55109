package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorData;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;

/// Arrays as the little-endian bytes of a tensor, and back. What is read is checked: its type, and
/// that numbers are finite.
final class Stored {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Stored() {}

  static MemorySegment bytes(int[] values, Arena arena) {
    MemorySegment bytes = arena.allocate((long) values.length * Integer.BYTES);
    MemorySegment.copy(values, 0, bytes, INT, 0, values.length);
    return bytes;
  }

  static MemorySegment bytes(float[] values, Arena arena) {
    MemorySegment bytes = arena.allocate((long) values.length * Float.BYTES);
    MemorySegment.copy(values, 0, bytes, FLOAT, 0, values.length);
    return bytes;
  }

  /// Rows of equal length, one after the other.
  static MemorySegment bytes(double[][] rows, Arena arena) {
    long bytesPerRow = (long) rows[0].length * Double.BYTES;
    MemorySegment bytes = arena.allocate(Math.multiplyExact(rows.length, bytesPerRow));
    for (int row = 0; row < rows.length; row++) {
      MemorySegment.copy(rows[row], 0, bytes, DOUBLE, row * bytesPerRow, rows[row].length);
    }
    return bytes;
  }

  static int[] ints(Path file, TensorData tensor) {
    int[] values = new int[count(file, tensor, DType.I32)];
    MemorySegment.copy(tensor.bytes(), INT, 0, values, 0, values.length);
    return values;
  }

  static float[] floats(Path file, TensorData tensor) {
    float[] values = new float[count(file, tensor, DType.F32)];
    MemorySegment.copy(tensor.bytes(), FLOAT, 0, values, 0, values.length);
    for (float value : values) {
      requireFinite(file, tensor, value);
    }
    return values;
  }

  /// The rows of a matrix.
  static double[][] rows(Path file, TensorData tensor) {
    requireType(file, tensor, DType.F64);
    double[][] rows = new double[extent(tensor, 0)][extent(tensor, 1)];
    for (int row = 0; row < rows.length; row++) {
      long offset = row * tensor.info().bytesPerRow();
      MemorySegment.copy(tensor.bytes(), DOUBLE, offset, rows[row], 0, rows[row].length);
      for (double value : rows[row]) {
        requireFinite(file, tensor, value);
      }
    }
    return rows;
  }

  private static int extent(TensorData tensor, int axis) {
    return Math.toIntExact(tensor.info().shape().dimension(axis));
  }

  private static int count(Path file, TensorData tensor, DType expected) {
    requireType(file, tensor, expected);
    return Math.toIntExact(tensor.info().shape().elementCount());
  }

  private static void requireType(Path file, TensorData tensor, DType expected) {
    Checks.requireFormat(
        tensor.info().dtype() == expected,
        "%s: tensor %s: type %s (expected %s)",
        file,
        tensor.info().name(),
        tensor.info().dtype(),
        expected);
  }

  private static void requireFinite(Path file, TensorData tensor, double value) {
    Checks.requireFormat(
        Double.isFinite(value), "%s: tensor %s holds %s", file, tensor.info().name(), value);
  }
}
