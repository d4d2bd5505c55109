package io.moepress.formats.integer;

import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Map;

/// Tensors of integers and of scales, from arrays and back.
final class Words32 {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Words32() {}

  static TensorData ints(String name, int[] values, long... shape) {
    TensorInfo info = new TensorInfo(name, DType.I32, Shape.of(shape));
    MemorySegment bytes = allocate(info);
    MemorySegment.copy(values, 0, bytes, INT, 0, values.length);
    return new TensorData(info, bytes);
  }

  static TensorData longs(String name, long... values) {
    TensorInfo info = new TensorInfo(name, DType.I64, Shape.of(values.length));
    MemorySegment bytes = allocate(info);
    for (int i = 0; i < values.length; i++) {
      bytes.set(LONG, (long) i * Long.BYTES, values[i]);
    }
    return new TensorData(info, bytes);
  }

  static TensorData floats(String name, DType type, float[] values, long... shape) {
    TensorInfo info = new TensorInfo(name, type, Shape.of(shape));
    MemorySegment bytes = allocate(info);
    for (int i = 0; i < values.length; i++) {
      Numbers.put(info, bytes, i, values[i]);
    }
    return new TensorData(info, bytes);
  }

  private static MemorySegment allocate(TensorInfo info) {
    return MemorySegment.ofArray(new byte[Math.toIntExact(info.byteCount())]);
  }

  /// A tensor that has to be there, of a type and a shape.
  static TensorData require(
      Map<String, TensorData> tensors, String name, DType type, long... shape) {
    TensorData tensor = require(tensors, name);
    TensorInfo info = tensor.info();
    if (info.dtype() != type || !info.shape().equals(Shape.of(shape))) {
      throw FormatException.of(
          "tensor %s: %s %s (expected %s %s)",
          name, info.dtype(), info.shape(), type, Shape.of(shape));
    }
    return tensor;
  }

  /// A tensor that has to be there.
  static TensorData require(Map<String, TensorData> tensors, String name) {
    TensorData tensor = tensors.get(name);
    if (tensor == null) {
      throw FormatException.of("tensor %s is missing (found %s)", name, tensors.keySet());
    }
    return tensor;
  }

  /// Puts columns into a tensor of more of them.
  ///
  /// @param columns `[n, count]`
  /// @param whole `[n, all]`
  /// @param first where the first goes
  static void putColumns(TensorData columns, TensorData whole, long first) {
    copyColumns(columns, 0, whole, first, columns.info().shape().dimension(1));
  }

  /// A copy of some columns of a tensor.
  ///
  /// @param whole `[n, all]`
  static TensorData columns(TensorData whole, long first, long count) {
    TensorInfo info = whole.info();
    Shape shape = Shape.of(info.shape().dimension(0), count);
    TensorInfo part = new TensorInfo(info.name(), info.dtype(), shape);
    TensorData columns = new TensorData(part, allocate(part));
    copyColumns(whole, first, columns, 0, count);
    return columns;
  }

  private static void copyColumns(
      TensorData from, long first, TensorData to, long place, long count) {
    long width = from.info().dtype().bits() / Byte.SIZE;
    for (long row = 0; row < from.info().shape().dimension(0); row++) {
      MemorySegment.copy(
          from.bytes(),
          row * from.info().bytesPerRow() + first * width,
          to.bytes(),
          row * to.info().bytesPerRow() + place * width,
          count * width);
    }
  }

  static int[] ints(TensorData tensor) {
    int[] values = new int[Math.toIntExact(tensor.info().shape().elementCount())];
    MemorySegment.copy(tensor.bytes(), INT, 0, values, 0, values.length);
    return values;
  }

  static long[] longs(TensorData tensor) {
    long[] values = new long[Math.toIntExact(tensor.info().shape().elementCount())];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.bytes().get(LONG, (long) i * Long.BYTES);
    }
    return values;
  }
}
