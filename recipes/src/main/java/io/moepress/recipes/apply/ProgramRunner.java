package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.lowering.TensorProgram.ZeroSmallest;
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
          case Mask mask -> mask(source, mask, tensor.info(), arena);
          case ZeroSmallest _ -> gathered(source, tensor, arena);
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
        case Rows rows -> passRows(source, rows, sink);
        case Mask _ -> pass(run(source, tensor, reading).bytes(), sink);
        case ZeroSmallest zero -> passZeroed(source, zero, tensor.info(), sink);
      }
    }
  }

  /// Neighbouring rows are read together, and dropped ones not at all: of a tensor that holds all
  /// experts they may be most of the bytes.
  private static void passRows(Checkpoint source, Rows program, Sink sink) throws IOException {
    List<Integer> rows = program.rows();
    for (int first = 0; first < rows.size(); ) {
      int end = endOfRun(rows, first);
      try (Arena reading = Arena.ofConfined()) {
        int count = end - first;
        pass(source.readRows(program.source(), rows.get(first), count, reading).bytes(), sink);
      }
      first = end;
    }
  }

  private static void pass(MemorySegment bytes, Sink sink) throws IOException {
    for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
      MemorySegment chunk = bytes.asSlice(done, Math.min(CHUNK, bytes.byteSize() - done));
      sink.accept(chunk);
      Mapped.rest(chunk);
    }
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
            OutputTensor gathered = new OutputTensor(part, new Rows(rows.source(), some));
            yield gathered(source, gathered, arena);
          }
          case Mask mask -> run(source, tensor, arena).rows(first, count).bytes();
          case ZeroSmallest zero -> zeroed(source, zero, whole, first, count, arena);
        };
    return new TensorData(part, bytes);
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

  /// Whole rows at a time, or, where the tensor holds matrices of experts, whole matrices.
  private static void passZeroed(Checkpoint source, ZeroSmallest zero, TensorInfo info, Sink sink)
      throws IOException {
    long rows = info.shape().dimension(0);
    long step = Math.max(1, CHUNK / Math.max(1, info.bytesPerRow()));
    for (long first = 0; first < rows; first += step) {
      try (Arena working = Arena.ofConfined()) {
        sink.accept(zeroed(source, zero, info, first, Math.min(step, rows - first), working));
      }
    }
  }

  private static MemorySegment zeroed(
      Checkpoint source, ZeroSmallest zero, TensorInfo info, long first, long count, Arena arena)
      throws IOException {
    MemorySegment target = arena.allocate(Math.multiplyExact(count, info.bytesPerRow()));
    try (Arena reading = Arena.ofConfined()) {
      OutputTensor weights = new OutputTensor(info, zero.of());
      TensorData rows = runRows(source, weights, first, count, reading);
      target.copyFrom(rows.bytes());
      Mapped.rest(rows.bytes());
      ZeroRunner.zero(zero, new TensorData(rows.info(), target), Math.toIntExact(first));
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
