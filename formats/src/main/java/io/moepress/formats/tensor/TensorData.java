package io.moepress.formats.tensor;

import io.moepress.formats.Checks;
import java.lang.foreign.MemorySegment;

/// A tensor with its bytes: little-endian, row-major, without alignment.
///
/// @param info name, type and shape
/// @param bytes exactly `info.byteCount()` bytes; valid as long as the arena they came from
public record TensorData(TensorInfo info, MemorySegment bytes) {

  public TensorData {
    Checks.require(
        bytes.byteSize() == info.byteCount(),
        "tensor %s: %d bytes, but %s %s needs %d",
        info.name(),
        bytes.byteSize(),
        info.dtype(),
        info.shape(),
        info.byteCount());
  }

  /// Consecutive rows (indices along axis 0) as a tensor of their own, not copied.
  public TensorData rows(long first, long count) {
    TensorInfo part = new TensorInfo(info.name(), info.dtype(), info.shape().withRows(count));
    long bytesPerRow = info.bytesPerRow();
    return new TensorData(part, bytes.asSlice(first * bytesPerRow, count * bytesPerRow));
  }
}
