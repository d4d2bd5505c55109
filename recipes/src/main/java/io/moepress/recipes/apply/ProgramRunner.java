package io.moepress.recipes.apply;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices;
import io.moepress.recipes.lowering.TensorProgram.MixedRows;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.lowering.TensorProgram.Stack;
import io.moepress.recipes.lowering.TensorProgram.WeightedSum;
import io.moepress.recipes.lowering.TensorProgram.ZeroSmallest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Runs tensor programs on a source: reads what they need and gives the bytes of their results.
///
/// @param source where tensors are read
/// @param arrays of plans, those that were used last
/// @param latest the last matrix of integers; null where several threads read, or single tensors
record ProgramRunner(Checkpoint source, RecentArrays arrays, @Nullable LatestMatrix latest) {
  /// Bytes that are in memory at a time when they are only passed on.
  private static final long CHUNK = 8L << 20;

  /// A runner that has used no array yet.
  ProgramRunner(Checkpoint source) {
    this(source, new RecentArrays(), null);
  }

  /// The same for one thread that asks for all tensors of a matrix one after the other.
  ///
  /// @param matrix keeps them
  ProgramRunner keeping(LatestMatrix matrix) {
    return new ProgramRunner(source, arrays, matrix);
  }

  /// Takes the bytes of a tensor, piece by piece and in order.
  @FunctionalInterface
  interface Sink {
    /// Takes the next piece, which is valid during the call.
    void accept(MemorySegment bytes) throws IOException;
  }

  /// The bytes of a tensor of the result, as a whole.
  ///
  /// @param arena owns the bytes
  TensorData run(OutputTensor tensor, Arena arena) throws IOException {
    return new TensorData(tensor.info(), whole(tensor.program(), arena).bytes());
  }

  /// The bytes of some consecutive rows of a tensor of the result, `count` from `first` on.
  ///
  /// @param arena owns the bytes
  TensorData runRows(OutputTensor tensor, long first, long count, Arena arena) throws IOException {
    TensorInfo whole = tensor.info();
    TensorInfo part = new TensorInfo(whole.name(), whole.dtype(), whole.shape().withRows(count));
    return new TensorData(part, rows(tensor.program(), first, count, arena).bytes());
  }

  /// Passes the bytes of a tensor of the result on. Memory does not grow with the tensor, unless
  /// its program works on what another one gives.
  void stream(OutputTensor tensor, Sink sink) throws IOException {
    stream(tensor.program(), sink);
  }

  private void stream(TensorProgram program, Sink sink) throws IOException {
    switch (program) {
      case Copy _, Mask _, MergedMatrices _, Quantized _ -> {
        try (Arena reading = Arena.ofConfined()) {
          pass(whole(program, reading).bytes(), sink);
        }
      }
      case Rows rows -> passRows(rows, sink);
      case WeightedSum sum -> {
        try (Arena reading = Arena.ofConfined()) {
          List<TensorData> terms = new ArrayList<>();
          for (TensorProgram term : sum.of()) {
            terms.add(whole(term, reading));
          }
          new Mixture(terms, sum.weights(), 0).stream(sink);
        }
      }
      case MixedRows mixed -> {
        for (MixedRows.Mix row : mixed.rows()) {
          passMix(mixed.of(), row, sink);
        }
      }
      case Stack stack -> {
        for (TensorProgram row : stack.of()) {
          stream(row, sink);
        }
      }
      case ZeroSmallest zero -> passZeroed(zero, sink);
    }
  }

  private void passMix(TensorProgram of, MixedRows.Mix row, Sink sink) throws IOException {
    try (Arena reading = Arena.ofConfined()) {
      List<TensorData> terms = new ArrayList<>();
      for (int index : row.rows()) {
        terms.add(rows(of, index, 1, reading));
      }
      new Mixture(terms, row.weights(), row.offset()).stream(sink);
    }
  }

  private TensorData whole(TensorProgram program, Arena arena) throws IOException {
    return switch (program) {
      case Copy copy -> source.read(copy.source(), arena);
      case Mask mask -> masked(mask, arena);
      case MergedMatrices merged -> merged(merged, arena);
      case Quantized quantized -> quantized(quantized, arena);
      case Rows _, WeightedSum _, MixedRows _, Stack _, ZeroSmallest _ -> gathered(program, arena);
    };
  }

  private TensorData rows(TensorProgram program, long first, long count, Arena arena)
      throws IOException {
    return switch (program) {
      case Copy copy -> source.readRows(copy.source(), first, count, arena);
      case Rows rows -> gathered(new Rows(rows.of(), part(rows.rows(), first, count)), arena);
      case MixedRows mixed ->
          gathered(new MixedRows(mixed.of(), part(mixed.rows(), first, count)), arena);
      case Stack stack -> gathered(new Stack(part(stack.of(), first, count)), arena);
      case Mask _, WeightedSum _, MergedMatrices _, Quantized _ ->
          whole(program, arena).rows(first, count);
      case ZeroSmallest zero -> {
        try (Arena reading = Arena.ofConfined()) {
          yield zeroed(zero, rows(zero.of(), first, count, reading), first, arena);
        }
      }
    };
  }

  private static <T> List<T> part(List<T> rows, long first, long count) {
    return rows.subList(Math.toIntExact(first), Math.toIntExact(first + count));
  }

  private TensorData gathered(TensorProgram program, Arena arena) throws IOException {
    TensorInfo info = info(program);
    MemorySegment target = arena.allocate(info.byteCount());
    long[] position = {0};
    stream(
        program,
        bytes -> {
          MemorySegment.copy(bytes, 0, target, position[0], bytes.byteSize());
          position[0] += bytes.byteSize();
        });
    return new TensorData(info, target);
  }

  /// Type and shape of what a program gives.
  private TensorInfo info(TensorProgram program) {
    return switch (program) {
      case Copy copy -> {
        TensorInfo info = source.tensors().get(copy.source());
        if (info == null) {
          throw new IllegalArgumentException("no tensor " + copy.source());
        }
        yield info;
      }
      case Rows rows -> withRows(info(rows.of()), rows.rows().size());
      case Mask mask -> info(mask.of());
      case WeightedSum sum -> info(sum.of().getFirst());
      case MixedRows mixed -> withRows(info(mixed.of()), mixed.rows().size());
      case MergedMatrices merged -> info(merged.of().getFirst());
      case Stack stack -> withRows(info(stack.of().getFirst()), stack.of().size());
      case ZeroSmallest zero -> info(zero.of());
      case Quantized quantized -> QuantizeRunner.info(quantized, info(quantized.of()));
    };
  }

  private static TensorInfo withRows(TensorInfo info, int rows) {
    return new TensorInfo(info.name(), info.dtype(), info.shape().withRows(rows));
  }

  /// Neighbouring rows are read together, and dropped ones not at all: of a tensor that holds all
  /// experts they may be most of the bytes.
  private void passRows(Rows program, Sink sink) throws IOException {
    List<Integer> rows = program.rows();
    for (int first = 0; first < rows.size(); ) {
      int end = endOfRun(rows, first);
      try (Arena reading = Arena.ofConfined()) {
        pass(rows(program.of(), rows.get(first), end - first, reading).bytes(), sink);
      }
      first = end;
    }
  }

  /// Behind the last of the consecutive rows that begin at position `start`.
  private static int endOfRun(List<Integer> rows, int start) {
    int end = start + 1;
    while (end < rows.size() && rows.get(end) == rows.get(end - 1) + 1) {
      end++;
    }
    return end;
  }

  /// Passes bytes on in pieces.
  static void pass(MemorySegment bytes, Sink sink) throws IOException {
    for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
      MemorySegment chunk = bytes.asSlice(done, Math.min(CHUNK, bytes.byteSize() - done));
      sink.accept(chunk);
      Mapped.rest(chunk);
    }
  }

  /// Members are read one after the other, so that no more than one is in memory.
  private TensorData merged(MergedMatrices program, Arena arena) throws IOException {
    TensorInfo info = info(program);
    MatrixMerging merging = new MatrixMerging(program);
    for (int place = 0; place < program.of().size(); place++) {
      try (Arena reading = Arena.ofConfined()) {
        merging.add(place, Numbers.floats(whole(program.of().get(place), reading)));
      }
    }
    float[] result = merging.result(Math.toIntExact(info.shape().elementCount()));
    MemorySegment target = arena.allocate(info.byteCount());
    for (int i = 0; i < result.length; i++) {
      Numbers.put(info, target, i, result[i]);
    }
    return new TensorData(info, target);
  }

  private TensorData quantized(Quantized program, Arena arena) throws IOException {
    if (latest == null || program.part().equals(Quantized.DECODED)) {
      Map<String, TensorData> tensors = quantized(program, Set.of(program.part()), arena);
      return Objects.requireNonNull(tensors.get(program.part()));
    }
    Set<String> all = program.layout().layout(info(program.of()), program.scheme()).keySet();
    return latest.tensor(program, owner -> quantized(program, all, owner));
  }

  /// Tensors of a matrix, by suffix. Its weights are not read where the plan has the codes, which
  /// are all there is to know.
  private Map<String, TensorData> quantized(Quantized program, Set<String> parts, Arena arena)
      throws IOException {
    try (Arena reading = Arena.ofConfined()) {
      TensorData weights = program.codes() == null ? whole(program.of(), reading) : null;
      return new QuantizeRunner(program, info(program.of())).run(weights, parts, arena);
    }
  }

  /// Whole rows at a time, or, where the tensor holds matrices of experts, whole matrices.
  private void passZeroed(ZeroSmallest zero, Sink sink) throws IOException {
    TensorInfo info = info(zero);
    long rows = info.shape().dimension(0);
    long step = Math.max(1, CHUNK / Math.max(1, info.bytesPerRow()));
    try (Arena holding = Arena.ofConfined()) {
      TensorData weights = givesRows(zero.of()) ? null : whole(zero.of(), holding);
      for (long first = 0; first < rows; first += step) {
        long count = Math.min(step, rows - first);
        try (Arena working = Arena.ofConfined()) {
          TensorData part =
              weights == null ? rows(zero.of(), first, count, working) : weights.rows(first, count);
          sink.accept(zeroed(zero, part, first, working).bytes());
          Mapped.rest(part.bytes());
        }
      }
    }
  }

  /// Whether some rows of what a program gives cost less than all of them.
  static boolean givesRows(TensorProgram program) {
    return switch (program) {
      case Copy _, Rows _, MixedRows _, Stack _ -> true;
      case Mask _, WeightedSum _, MergedMatrices _, Quantized _ -> false;
      case ZeroSmallest zero -> givesRows(zero.of());
    };
  }

  private TensorData zeroed(ZeroSmallest zero, TensorData rows, long first, Arena arena) {
    MemorySegment target = arena.allocate(rows.info().byteCount());
    target.copyFrom(rows.bytes());
    TensorData weights = new TensorData(rows.info(), target);
    new ZeroRunner(zero, arrays).zero(weights, Math.toIntExact(first));
    return weights;
  }

  private TensorData masked(Mask program, Arena arena) throws IOException {
    TensorInfo info = info(program);
    MemorySegment target = arena.allocate(info.byteCount());
    try (Arena reading = Arena.ofConfined()) {
      target.copyFrom(whole(program.of(), reading).bytes());
    }
    for (int expert : program.experts()) {
      Numbers.put(info, target, expert, Mask.BIAS);
    }
    return new TensorData(info, target);
  }
}
