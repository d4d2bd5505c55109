package io.moepress.formats.tensor;

/// Everything about a tensor but its data.
///
/// @param name name in the checkpoint
/// @param dtype element type
/// @param shape extent, row-major, outermost first
public record TensorInfo(String name, DType dtype, Shape shape) {

  /// Bytes of the data; elements of less than 8 bits are packed without gaps.
  public long byteCount() {
    return Math.multiplyExact(shape.elementCount(), (long) dtype.bits()) / Byte.SIZE;
  }

  /// Bytes of one row, that is of one index along axis 0.
  public long bytesPerRow() {
    return shape.dimension(0) == 0 ? 0 : byteCount() / shape.dimension(0);
  }
}
