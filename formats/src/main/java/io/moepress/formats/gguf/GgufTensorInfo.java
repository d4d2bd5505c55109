package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.tensor.Shape;

/// Everything about a tensor of a GGUF file but its data.
///
/// @param name at most 63 bytes long
/// @param type element type
/// @param shape extent, row-major, outermost first as everywhere here; the file has it the other
///   way round
public record GgufTensorInfo(String name, GgufType type, Shape shape) {

  /// Longest name, in bytes; ggml keeps 64 with a zero at the end.
  public static final int LONGEST_NAME = 63;

  /// Most dimensions that ggml knows.
  public static final int MOST_DIMENSIONS = 4;

  public GgufTensorInfo {
    Checks.require(
        shape.rank() >= 1 && shape.rank() <= MOST_DIMENSIONS,
        "tensor %s: %d dimensions (expected 1 to %d)",
        name,
        shape.rank(),
        MOST_DIMENSIONS);
    Checks.require(
        width(shape) % type.blockElements() == 0,
        "tensor %s: width %d in blocks of %d",
        name,
        width(shape),
        type.blockElements());
  }

  /// Elements of a row, the innermost extent.
  public long width() {
    return width(shape);
  }

  private static long width(Shape shape) {
    return shape.dimension(shape.rank() - 1);
  }

  /// Bytes of the data, without padding.
  public long byteCount() {
    return type.bytes(shape.elementCount());
  }

  /// Bytes of one index along the outermost axis.
  public long bytesPerSlice() {
    return byteCount() / shape.dimension(0);
  }
}
