package io.moepress.formats.lowprecision;

import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/// A way to store linear layers as integers, with a configuration that says which layers are and
/// which are not.
public sealed interface IntegerCodec extends TensorCodec permits CompressedTensors, GptqTensors {
  /// How numbers are written.
  ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// The scheme that a layer has by the configuration; nothing where no part of it is about the
  /// layer. One that is excepted has none, whatever else is said of it.
  ///
  /// @param layer name of its weight without `.weight`
  Optional<IntegerScheme> declared(String layer);

  /// Whether the configuration excepts a layer.
  boolean excepts(String layer);

  /// Decodes some rows at a time.
  @Override
  default void decode(List<TensorData> parts, MemorySegment target) {
    List<TensorInfo> infos = parts.stream().map(TensorData::info).toList();
    Shape shape = shape(infos);
    int columns = Math.toIntExact(shape.dimension(1));
    int step = blockRows(infos, columns);
    for (long first = 0; first < shape.dimension(0); first += step) {
      long count = Math.min(step, shape.dimension(0) - first);
      float[] values = matrix(lines(parts, first, count)).decode();
      long place = first * columns * Float.BYTES;
      MemorySegment.copy(values, 0, target, FLOAT, place, values.length);
    }
  }

  /// Rows that may be decoded at a time.
  ///
  /// @param parts those of the weight
  int blockRows(List<TensorInfo> parts, int columns);

  /// The integers of a weight, or of rows of it.
  IntegerMatrix matrix(List<TensorData> parts);

  /// How the codes of a weight share words; nothing where all ways are the same.
  ///
  /// @param parts those of the weight
  Optional<BitPacking> packing(List<TensorInfo> parts);
}
