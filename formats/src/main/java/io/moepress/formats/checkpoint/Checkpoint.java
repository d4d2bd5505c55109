package io.moepress.formats.checkpoint;

import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.SortedMap;

/// A model at rest: a configuration and named tensors, read one at a time.
///
/// It may be a directory ([CheckpointDirectory]) or the view of a directory under a plan; whoever
/// reads need not know. Implementations are safe for use by several threads.
public interface Checkpoint extends Closeable {

  /// What to call this checkpoint in a message.
  String name();

  /// The model configuration.
  ModelConfig config();

  /// Every tensor, by name.
  SortedMap<String, TensorInfo> tensors();

  /// Reads one tensor.
  ///
  /// @param arena owns the bytes; close it to let go of them
  TensorData read(String tensor, Arena arena) throws IOException;

  /// Reads consecutive rows (indices along axis 0) of a tensor.
  ///
  /// @param first index of the first row
  /// @param count number of rows
  /// @param arena owns the bytes; close it to let go of them
  default TensorData readRows(String tensor, long first, long count, Arena arena)
      throws IOException {
    return read(tensor, arena).rows(first, count);
  }

  /// Bytes of all tensors together.
  default long byteCount() {
    return tensors().values().stream().mapToLong(TensorInfo::byteCount).sum();
  }

  /// Elements of all tensors together.
  default long parameterCount() {
    return tensors().values().stream().mapToLong(info -> info.shape().elementCount()).sum();
  }
}
