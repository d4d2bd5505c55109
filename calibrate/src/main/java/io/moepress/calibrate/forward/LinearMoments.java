package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.LinearInput;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/// Adds up what linear maps read, in float64: first the tokens of a sequence, by the job that works
/// on it, then sequence after sequence. So the sums do not depend on the number of workers.
final class LinearMoments implements LinearTap {
  private final Set<LinearSum> wanted;
  private final Map<LinearSum, Map<LinearInput, double[][]>> sums = new EnumMap<>(LinearSum.class);

  /// Prepares.
  ///
  /// @param wanted the sums to form
  LinearMoments(Set<LinearSum> wanted) {
    this.wanted = wanted;
  }

  @Override
  public void see(LinearInput input, NDArray x) {
    if (wanted.isEmpty()) {
      return;
    }
    int tokens = Math.toIntExact(x.getShape().get(0));
    MemorySegment values = TorchScope.values(x);
    for (LinearSum sum : wanted) {
      add(
          sum,
          input,
          switch (sum) {
            case SQUARES -> new double[][] {ColumnSums.squares(values, tokens)};
          });
    }
  }

  /// The same sums, of nothing yet.
  LinearMoments empty() {
    return new LinearMoments(wanted);
  }

  /// Adds what a sequence gave.
  void add(LinearMoments sequence) {
    sequence.sums.forEach((sum, inputs) -> inputs.forEach((input, rows) -> add(sum, input, rows)));
  }

  private void add(LinearSum sum, LinearInput input, double[][] rows) {
    double[][] total =
        sums.computeIfAbsent(sum, absent -> new EnumMap<>(LinearInput.class))
            .computeIfAbsent(input, absent -> new double[rows.length][rows[0].length]);
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < rows[row].length; i++) {
        total[row][i] += rows[row][i];
      }
    }
  }

  /// The sums, for every vector that was seen.
  Map<LinearSum, Map<LinearInput, double[][]>> all() {
    return sums;
  }
}
