package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The cheapest assignment against all there are.
class AssignmentTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7})
  void isTheCheapestOfAll(int size) {
    for (int seed = 0; seed < 50; seed++) {
      double[][] cost = random(seed, size, seed % 2 == 0 ? 1000 : 3); // few values make ties
      int[] columns = Assignment.cheapest(cost);

      assertThat(Arrays.stream(columns).sorted()).containsExactlyElementsOf(all(size));
      assertThat(sum(cost, columns))
          .as("seed %d", seed)
          .isCloseTo(cheapest(cost, 0, new boolean[size]), within(1e-9));
    }
  }

  @Test
  void aHiddenOrderIsFound() {
    int size = 200;
    SplittableRandom random = new SplittableRandom(1);
    int[] order = IntStream.range(0, size).map(i -> (i * 37 + 11) % size).toArray();
    double[][] cost = new double[size][size];
    for (int row = 0; row < size; row++) {
      for (int column = 0; column < size; column++) {
        cost[row][column] = column == order[row] ? 0 : random.nextDouble(0.1, 1);
      }
    }

    assertThat(Assignment.cheapest(cost)).isEqualTo(order);
  }

  private static Iterable<Integer> all(int size) {
    return IntStream.range(0, size).boxed().toList();
  }

  private static double cheapest(double[][] cost, int row, boolean[] taken) {
    if (row == cost.length) {
      return 0;
    }
    double best = Double.POSITIVE_INFINITY;
    for (int column = 0; column < cost.length; column++) {
      if (!taken[column]) {
        taken[column] = true;
        best = Math.min(best, cost[row][column] + cheapest(cost, row + 1, taken));
        taken[column] = false;
      }
    }
    return best;
  }

  private static double sum(double[][] cost, int[] columns) {
    return IntStream.range(0, columns.length).mapToDouble(row -> cost[row][columns[row]]).sum();
  }

  private static double[][] random(long seed, int size, int values) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] cost = new double[size][size];
    for (double[] row : cost) {
      for (int i = 0; i < size; i++) {
        row[i] = random.nextInt(-values, values);
      }
    }
    return cost;
  }
}
