package io.moepress.recipes.apply;

import io.moepress.formats.tensor.TensorData;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The matrix that was made integers last: whoever writes the tensors it is stored as one by one
/// reads, scales and rounds its weights once. Its tensors are in native memory until the next
/// matrix comes, or until this is closed. For one thread.
final class LatestMatrix implements AutoCloseable {
  private @Nullable Quantized matrix;
  private Map<String, TensorData> tensors = Map.of();
  private Arena arena = Arena.ofConfined();

  /// Makes all tensors of a matrix.
  @FunctionalInterface
  interface Encoder {
    /// The tensors by suffix; `arena` owns their bytes.
    Map<String, TensorData> encode(Arena arena) throws IOException;
  }

  /// The tensor that a program gives.
  ///
  /// @param encoder is asked if the matrix is another one than the last
  TensorData tensor(Quantized program, Encoder encoder) throws IOException {
    Quantized whole = program.whole();
    if (!whole.equals(matrix)) {
      matrix = null;
      arena.close();
      arena = Arena.ofConfined();
      tensors = encoder.encode(arena);
      matrix = whole;
    }
    return Objects.requireNonNull(tensors.get(program.part()));
  }

  @Override
  public void close() {
    arena.close();
  }
}
