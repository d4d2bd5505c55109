package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.recipes.linear.HessianSum;
import io.moepress.recipes.linear.LinearAlgebra;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Adds up what linear maps read, in float64: first the tokens of a sequence, by the job that works
/// on it, then sequence after sequence. So the sums do not depend on the number of workers.
///
/// Products are large, so that of them a sequence keeps what was read, and the sum over all forms
/// them.
final class LinearMoments implements LinearTap {
  private final Set<LinearSum> wanted;
  private final Map<LinearInput, double[]> squares = new EnumMap<>(LinearInput.class);
  private final Map<LinearInput, HessianSum> products = new EnumMap<>(LinearInput.class);
  private final List<Rows> rows = new ArrayList<>();

  /// What some tokens of a sequence gave.
  private record Rows(LinearInput input, int columns, float[] values) {}

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
      switch (sum) {
        case SQUARES -> addSquares(input, ColumnSums.squares(values, tokens));
        case PRODUCTS -> {
          int columns = Math.toIntExact(x.getShape().get(1));
          rows.add(new Rows(input, columns, values.toArray(JAVA_FLOAT)));
        }
      }
    }
  }

  /// The same sums, of nothing yet.
  LinearMoments empty() {
    return new LinearMoments(wanted);
  }

  /// Adds what a sequence gave.
  void add(LinearMoments sequence) {
    sequence.squares.forEach(this::addSquares);
    for (Rows seen : sequence.rows) {
      products
          .computeIfAbsent(
              seen.input(), absent -> new HessianSum(seen.columns(), LinearAlgebra.best()))
          .add(seen.values());
    }
  }

  private void addSquares(LinearInput input, double[] more) {
    double[] total = squares.computeIfAbsent(input, absent -> new double[more.length]);
    for (int i = 0; i < more.length; i++) {
      total[i] += more[i];
    }
  }

  /// The sums, for every vector that was seen.
  Map<LinearSum, Map<LinearInput, double[][]>> all() {
    Map<LinearSum, Map<LinearInput, double[][]>> sums = new EnumMap<>(LinearSum.class);
    for (LinearSum sum : wanted) {
      Map<LinearInput, double[][]> byInput = new EnumMap<>(LinearInput.class);
      switch (sum) {
        case SQUARES ->
            squares.forEach((input, total) -> byInput.put(input, new double[][] {total}));
        case PRODUCTS ->
            products.forEach(
                (input, total) -> byInput.put(input, new double[][] {total.hessian()}));
      }
      sums.put(sum, byInput);
    }
    return sums;
  }
}
