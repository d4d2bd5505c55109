package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Runs one tensor program: reads its sources and gives the bytes of its result.
final class ProgramRunner {
  private ProgramRunner() {}

  /// The bytes of a tensor of the result.
  ///
  /// @param arena owns the bytes
  static TensorData run(Checkpoint source, OutputTensor tensor, Arena arena) throws IOException {
    MemorySegment bytes =
        switch (tensor.program()) {
          case Copy copy -> source.read(copy.source(), arena).bytes();
          case Rows rows -> rows(source, rows, tensor.info(), arena);
        };
    return new TensorData(tensor.info(), bytes);
  }

  private static MemorySegment rows(Checkpoint source, Rows program, TensorInfo result, Arena arena)
      throws IOException {
    MemorySegment target = arena.allocate(result.byteCount());
    try (Arena reading = Arena.ofConfined()) {
      TensorData data = source.read(program.source(), reading);
      long bytesPerRow = data.info().bytesPerRow();
      for (int i = 0; i < program.rows().size(); i++) {
        long row = program.rows().get(i);
        MemorySegment.copy(data.bytes(), row * bytesPerRow, target, i * bytesPerRow, bytesPerRow);
      }
    }
    return target;
  }
}
