package io.moepress.formats.tensor;

import io.moepress.formats.Checks;

/// Everything about a tensor but its data.
///
/// @param name name in the checkpoint
/// @param dtype element type
/// @param shape extent, row-major, outermost first
public record TensorInfo(String name, DType dtype, Shape shape) {

  /// Bytes of the data; elements of less than 8 bits are packed without gaps, and must fill whole
  /// bytes.
  public long byteCount() {
    return wholeBytes(shape.elementCount());
  }

  /// Bytes of one row, that is of one index along axis 0; 0 when there is none.
  public long bytesPerRow() {
    long rows = shape.dimension(0);
    return rows == 0 ? 0 : wholeBytes(shape.elementCount() / rows);
  }

  private long wholeBytes(long elements) {
    long bits = Math.multiplyExact(elements, (long) dtype.bits());
    Checks.require(
        bits % Byte.SIZE == 0,
        "tensor %s: %d elements of %s do not fill whole bytes",
        name,
        elements,
        dtype);
    return bits / Byte.SIZE;
  }
}
