package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.TensorData;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Runs one tensor program: reads its sources and gives the bytes of its result.
final class ProgramRunner {
  /// Bytes that are in memory at a time when they are only passed on.
  private static final long CHUNK = 8L << 20;

  private ProgramRunner() {}

  /// Takes the bytes of a tensor, piece by piece and in order.
  @FunctionalInterface
  interface Sink {
    /// Takes the next piece, which is valid during the call.
    void accept(MemorySegment bytes) throws IOException;
  }

  /// The bytes of a tensor of the result, as a whole.
  ///
  /// @param arena owns the bytes
  static TensorData run(Checkpoint source, OutputTensor tensor, Arena arena) throws IOException {
    MemorySegment bytes =
        switch (tensor.program()) {
          case Copy copy -> source.read(copy.source(), arena).bytes();
          case Rows _ -> gathered(source, tensor, arena);
        };
    return new TensorData(tensor.info(), bytes);
  }

  private static MemorySegment gathered(Checkpoint source, OutputTensor tensor, Arena arena)
      throws IOException {
    MemorySegment target = arena.allocate(tensor.info().byteCount());
    long[] position = {0};
    stream(
        source,
        tensor,
        bytes -> {
          MemorySegment.copy(bytes, 0, target, position[0], bytes.byteSize());
          position[0] += bytes.byteSize();
        });
    return target;
  }

  /// Passes the bytes of a tensor of the result on. Memory does not grow with the tensor.
  static void stream(Checkpoint source, OutputTensor tensor, Sink sink) throws IOException {
    try (Arena reading = Arena.ofConfined()) {
      switch (tensor.program()) {
        case Copy copy -> pass(source.read(copy.source(), reading).bytes(), sink);
        case Rows rows -> passRows(source.read(rows.source(), reading), rows.rows(), sink);
      }
    }
  }

  /// Neighbouring rows are passed on together.
  private static void passRows(TensorData data, List<Integer> rows, Sink sink) throws IOException {
    long bytesPerRow = data.info().bytesPerRow();
    for (int first = 0; first < rows.size(); ) {
      int end = first + 1;
      while (end < rows.size() && rows.get(end) == rows.get(end - 1) + 1) {
        end++;
      }
      pass(data.bytes().asSlice(rows.get(first) * bytesPerRow, (end - first) * bytesPerRow), sink);
      first = end;
    }
  }

  private static void pass(MemorySegment bytes, Sink sink) throws IOException {
    for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
      MemorySegment chunk = bytes.asSlice(done, Math.min(CHUNK, bytes.byteSize() - done));
      sink.accept(chunk);
      if (chunk.isMapped()) {
        chunk.unload(); // or the whole tensor would count as resident until it is let go
      }
    }
  }
}
