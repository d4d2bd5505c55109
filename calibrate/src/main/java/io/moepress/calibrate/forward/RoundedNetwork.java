package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.tensor.DType;
import java.lang.foreign.MemorySegment;

/// Networks with weights of few bits, in floats: to see what rounding does.
///
/// Each row of a matrix `[out, in]` is rounded to the nearest in groups of 128 columns: with 1 bit
/// to `± mean |w|` of the group, with more to an [IntegerGrid] from the smallest to the largest of
/// the group and 0. Biases stay.
final class RoundedNetwork {
  static final int GROUP = 128;

  private RoundedNetwork() {}

  /// A network with rounded weights.
  ///
  /// @param scope that they belong to
  static GatedNetwork of(TorchScope scope, GatedNetwork network, int bits) {
    return new GatedNetwork(
        network.gating(),
        rounded(scope, network.gate(), bits),
        rounded(scope, network.up(), bits),
        rounded(scope, network.down(), bits));
  }

  private static Linear rounded(TorchScope scope, Linear linear, int bits) {
    NDArray weight = linear.transposed().transpose(); // [out, in]
    long rows = weight.getShape().get(0);
    int columns = Math.toIntExact(weight.getShape().get(1));
    MemorySegment values = TorchScope.values(weight);
    MemorySegment target = scope.floats(rows * columns);
    float[] row = new float[columns];
    for (long i = 0; i < rows; i++) {
      long place = i * columns * Float.BYTES;
      MemorySegment.copy(values, JAVA_FLOAT, place, row, 0, columns);
      round(row, bits);
      MemorySegment.copy(row, 0, target, JAVA_FLOAT, place, columns);
    }
    return new Linear(scope.over(target, rows, columns).transpose(), linear.bias());
  }

  /// Rounds a row of a matrix.
  static void round(float[] row, int bits) {
    IntegerGrid grid = new IntegerGrid(bits, bits == 1);
    float[] group = new float[Math.min(GROUP, row.length)];
    for (int first = 0; first < row.length; first += GROUP) {
      int count = Math.min(GROUP, row.length - first);
      group = count == group.length ? group : new float[count];
      System.arraycopy(row, first, group, 0, count);
      Step step = grid.step(group, DType.F32);
      for (int i = 0; i < count; i++) {
        row[first + i] = grid.value(grid.code(group[i], step), step);
      }
    }
  }
}
