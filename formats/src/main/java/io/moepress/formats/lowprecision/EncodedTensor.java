package io.moepress.formats.lowprecision;

import io.moepress.formats.tensor.TensorInfo;
import java.util.List;

/// A tensor that a checkpoint stores in low precision.
///
/// @param info its name without suffixes, the element type of its numbers as stored, and its shape
/// @param codec how it is stored
/// @param parts the tensors it is stored as, in the order of the codec's suffixes
public record EncodedTensor(TensorInfo info, TensorCodec codec, List<TensorInfo> parts) {
  public EncodedTensor {
    parts = List.copyOf(parts);
  }
}
