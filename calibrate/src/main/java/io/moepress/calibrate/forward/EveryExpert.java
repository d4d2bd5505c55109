package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.MoePass.OutputSums;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Runs every expert of a layer on the same tokens, chosen or not.
///
/// Tokens are taken in blocks, so small that the outputs of all experts for a block fit in
/// [#BLOCK_BYTES]; in each block one expert after the other is read and run. What comes out does
/// not depend on the number of workers: sums are taken in the order of tokens.
final class EveryExpert {
  /// Outputs of all experts that are in memory at a time: 512 tokens of Qwen3-30B-A3B.
  static final long BLOCK_BYTES = 512L << 20;

  private final int layer;
  private final int experts;
  private final int width;
  private final int block;
  private final BlockLoader blocks;
  private final Workers workers;

  EveryExpert(int layer, BlockLoader blocks, Workers workers) {
    this(layer, blocks, workers, tokensPerBlock(blocks.layout(), BLOCK_BYTES));
  }

  /// Prepares a layer.
  ///
  /// @param block tokens at a time
  EveryExpert(int layer, BlockLoader blocks, Workers workers, int block) {
    this.layer = layer;
    this.experts = blocks.layout().routerRows(layer);
    this.width = blocks.layout().dimension(Dimension.HIDDEN);
    this.block = block;
    this.blocks = blocks;
    this.workers = workers;
  }

  /// What running all experts on so many tokens needs, beside what a pass needs anyway.
  static long bytes(ModelLayout layout, long tokens) {
    long block = Math.min(tokens, tokensPerBlock(layout, BLOCK_BYTES));
    return block * bytesPerToken(layout);
  }

  /// Never more than an expert works on when it is run on the tokens that chose it.
  private static int tokensPerBlock(ModelLayout layout, long bytes) {
    return Math.clamp(bytes / bytesPerToken(layout), 1, ExpertRunner.tokensPerBlock(layout));
  }

  private static long bytesPerToken(ModelLayout layout) {
    return (long) Float.BYTES * layout.experts() * layout.dimension(Dimension.HIDDEN);
  }

  /// Runs all experts.
  ///
  /// @param inputs what experts see, a row for each token of the corpus
  /// @param tokens the rows to take, at least one
  OutputSums over(HiddenStates inputs, int[] tokens) throws IOException {
    OutputSums sums = new OutputSums(new double[experts][width], new double[experts][experts]);
    for (int first = 0; first < tokens.length; first += block) {
      int count = Math.min(block, tokens.length - first);
      try (Arena arena = Arena.ofShared()) {
        MemorySegment rows = arena.allocate((long) count * width * Float.BYTES, 64);
        for (int i = 0; i < count; i++) {
          MemorySegment row = inputs.row(tokens[first + i]);
          MemorySegment.copy(row, 0, rows, i * row.byteSize(), row.byteSize());
        }
        inputs.rest();
        MemorySegment outputs = arena.allocate((long) experts * rows.byteSize(), 64);
        run(rows, outputs, count, sums.sums());
        addCosines(outputs, count, sums.cosines());
      }
    }
    mirror(sums.cosines());
    return sums;
  }

  /// Runs the experts on a block, each by a job.
  ///
  /// @param outputs where they go, `[tokens, experts, hidden]`
  private void run(MemorySegment rows, MemorySegment outputs, int count, double[][] sums)
      throws IOException {
    long rowBytes = (long) width * Float.BYTES;
    workers.ordered(
        experts,
        expert -> {
          try (TorchScope scope = Torch.scope()) {
            NDArray x = scope.over(rows, count, width);
            MemorySegment result = TorchScope.values(blocks.expert(scope, layer, expert).apply(x));
            for (int i = 0; i < count; i++) {
              long target = ((long) i * experts + expert) * rowBytes;
              MemorySegment.copy(result, i * rowBytes, outputs, target, rowBytes);
            }
            return ColumnSums.sums(result, count);
          }
        },
        (expert, columns) -> {
          for (int i = 0; i < width; i++) {
            sums[expert][i] += columns[i];
          }
        });
  }

  /// Adds the upper triangle of the cosines of each token of a block.
  private void addCosines(MemorySegment outputs, int count, double[][] cosines) throws IOException {
    workers.ordered(
        count,
        token -> cosines(outputs, token),
        (token, products) -> {
          for (int i = 0; i < experts; i++) {
            for (int j = i; j < experts; j++) {
              cosines[i][j] += products[i * experts + j];
            }
          }
        });
  }

  private float[] cosines(MemorySegment outputs, int token) {
    int size = experts * width;
    float[] units = new float[size];
    MemorySegment.copy(outputs, JAVA_FLOAT, (long) token * size * Float.BYTES, units, 0, size);
    for (int expert = 0; expert < experts; expert++) {
      makeUnit(units, expert * width);
    }
    try (TorchScope scope = Torch.scope()) {
      NDArray matrix = scope.copy(units, experts, width);
      return TorchScope.values(matrix.matMul(matrix.transpose())).toArray(JAVA_FLOAT);
    }
  }

  /// Divides a row by its norm; zeros stay zeros.
  private void makeUnit(float[] rows, int first) {
    double squares = 0;
    for (int i = first; i < first + width; i++) {
      squares += (double) rows[i] * rows[i];
    }
    double scale = squares == 0 ? 0 : 1 / Math.sqrt(squares);
    for (int i = first; i < first + width; i++) {
      rows[i] = (float) (rows[i] * scale);
    }
  }

  private static void mirror(double[][] upper) {
    for (int i = 0; i < upper.length; i++) {
      for (int j = 0; j < i; j++) {
        upper[i][j] = upper[j][i];
      }
    }
  }
}
