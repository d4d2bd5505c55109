package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

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
          case Mask mask -> mask(source, mask, tensor.info(), arena);
        };
    return new TensorData(tensor.info(), bytes);
  }

  /// The bytes of some consecutive rows of a tensor of the result, `count` from `first` on.
  ///
  /// @param arena owns the bytes
  static TensorData runRows(
      Checkpoint source, OutputTensor tensor, long first, long count, Arena arena)
      throws IOException {
    TensorInfo whole = tensor.info();
    TensorInfo part = new TensorInfo(whole.name(), whole.dtype(), whole.shape().withRows(count));
    int start = Math.toIntExact(first);
    MemorySegment bytes =
        switch (tensor.program()) {
          case Copy copy -> source.readRows(copy.source(), first, count, arena).bytes();
          case Rows rows -> {
            List<Integer> some = rows.rows().subList(start, Math.toIntExact(first + count));
            yield rows(source, new Rows(rows.source(), some), part, arena);
          }
          case Mask mask -> run(source, tensor, arena).rows(first, count).bytes();
        };
    return new TensorData(part, bytes);
  }

  /// Reads kept rows only: of a tensor that holds all experts, most of the bytes may be dropped.
  private static MemorySegment rows(Checkpoint source, Rows program, TensorInfo result, Arena arena)
      throws IOException {
    MemorySegment target = arena.allocate(result.byteCount());
    List<Integer> rows = program.rows();
    long done = 0;
    for (int i = 0; i < rows.size(); ) {
      int end = endOfRun(rows, i);
      try (Arena reading = Arena.ofConfined()) {
        MemorySegment run =
            source.readRows(program.source(), rows.get(i), end - i, reading).bytes();
        MemorySegment.copy(run, 0, target, done, run.byteSize());
        done += run.byteSize();
      }
      i = end;
    }
    return target;
  }

  private static MemorySegment mask(Checkpoint source, Mask program, TensorInfo result, Arena arena)
      throws IOException {
    MemorySegment target = arena.allocate(result.byteCount());
    try (Arena reading = Arena.ofConfined()) {
      target.copyFrom(run(source, new OutputTensor(result, program.of()), reading).bytes());
    }
    for (int expert : program.experts()) {
      Numbers.put(result, target, expert, Mask.BIAS);
    }
    return target;
  }

  /// Behind the last of the consecutive rows that begin at position `start`.
  private static int endOfRun(List<Integer> rows, int start) {
    int end = start + 1;
    while (end < rows.size() && rows.get(end) == rows.get(end - 1) + 1) {
      end++;
    }
    return end;
  }
}
