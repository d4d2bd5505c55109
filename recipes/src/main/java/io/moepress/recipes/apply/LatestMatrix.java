package io.moepress.recipes.apply;

import io.moepress.formats.tensor.TensorData;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The matrix that was made integers last: whoever writes the tensors it is stored as one by one
/// reads, scales and rounds its weights once. For one thread.
final class LatestMatrix {
  private @Nullable Quantized matrix;
  private Map<String, TensorData> tensors = Map.of();

  /// Makes all tensors of a matrix.
  @FunctionalInterface
  interface Encoder {
    /// The tensors by name.
    Map<String, TensorData> encode() throws IOException;
  }

  /// The tensor that a program gives.
  ///
  /// @param encoder is asked if the matrix is another one than the last
  TensorData tensor(Quantized program, Encoder encoder) throws IOException {
    Quantized whole = program.whole();
    if (!whole.equals(matrix)) {
      tensors = encoder.encode();
      matrix = whole;
    }
    return tensors.entrySet().stream()
        .filter(tensor -> tensor.getKey().endsWith(program.part()))
        .findFirst()
        .orElseThrow()
        .getValue();
  }
}
