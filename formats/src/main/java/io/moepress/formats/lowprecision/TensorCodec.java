package io.moepress.formats.lowprecision;

import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/// A way to store a tensor in low precision, as several tensors: its parts.
public sealed interface TensorCodec permits BlockFp8, IntegerCodec, Mxfp4 {

  /// What it is called in a message.
  String label();

  /// What the names of the parts have behind the name of the whole, that of the numbers first.
  List<String> suffixes();

  /// The name of a part.
  ///
  /// @param whole name of the whole
  default String part(String whole, String suffix) {
    return whole + suffix;
  }

  /// The name of the whole that a tensor would be a part of; nothing where its name does not end
  /// so.
  default Optional<String> whole(String part, String suffix) {
    return part.endsWith(suffix)
        ? Optional.of(part.substring(0, part.length() - suffix.length()))
        : Optional.empty();
  }

  /// The element type of the numbers as they are stored.
  DType dtype();

  /// Whether a tensor whose name ends like that of a first part is one.
  boolean isFirst(TensorInfo tensor);

  /// The shape of what the parts stand for.
  ///
  /// @throws io.moepress.formats.FormatException when they do not fit each other
  Shape shape(List<TensorInfo> parts);

  /// Writes the numbers that the parts stand for, or equal slices of them: little-endian floats,
  /// row-major. A code without a number becomes one that is not finite.
  void decode(List<TensorData> parts, MemorySegment target);

  /// Lines of a matrix, its rows, that belong together: what reads some of them begins at a
  /// multiple. An encoding that does not say is read by whole matrices.
  default long linesAtOnce(TensorInfo matrix) {
    return matrix.shape().dimension(0);
  }

  /// The parts of consecutive lines, of those of a matrix. They stand for a matrix of these lines.
  ///
  /// @param first a multiple of [#linesAtOnce]
  /// @param count lines, all that are left or what [#linesAtOnce] divides, or where it is one any
  default List<TensorData> lines(List<TensorData> matrix, long first, long count) {
    return matrix;
  }

  /// Whether every code of a part stands for a finite number.
  ///
  /// @param place which part it is
  boolean isFinite(int place, TensorData part);

  /// Whether a part is what it has to be beside the others: no scale is 0, which would make all its
  /// weights 0, and a shape that is written down is that of the whole.
  ///
  /// @param place which part it is
  /// @param whole the shape of what the parts stand for
  default boolean isSound(int place, TensorData part, Shape whole) {
    return true;
  }
}
