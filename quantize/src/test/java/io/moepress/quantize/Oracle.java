package io.moepress.quantize;

import io.moepress.recipes.plan.BitCosts.Item;
import java.util.Arrays;
import java.util.List;

/// The smallest sum of costs by an exact dynamic programme over items, bits and the widths that are
/// already present. Shares nothing with the solver.
final class Oracle {
  private Oracle() {}

  /// Of items of one layer.
  ///
  /// @param capacity bits
  /// @param present widths that at least one item has to have
  /// @return infinite where there is no choice
  static double best(List<Item> items, List<Integer> widths, int capacity, List<Integer> present) {
    double[][] best = new double[capacity + 1][1 << present.size()];
    Arrays.stream(best).forEach(row -> Arrays.fill(row, Double.POSITIVE_INFINITY));
    best[0][0] = 0;
    for (Item item : items) {
      double[][] next = new double[best.length][best[0].length];
      Arrays.stream(next).forEach(row -> Arrays.fill(row, Double.POSITIVE_INFINITY));
      for (int option = 0; option < widths.size(); option++) {
        int place = present.indexOf(widths.get(option));
        int met = place < 0 ? 0 : 1 << place;
        int size = Math.toIntExact(item.weights() * widths.get(option));
        for (int bits = 0; bits + size <= capacity; bits++) {
          for (int mask = 0; mask < best[0].length; mask++) {
            double cost = best[bits][mask] + item.costs().get(option);
            next[bits + size][mask | met] = Math.min(next[bits + size][mask | met], cost);
          }
        }
      }
      best = next;
    }
    int all = best[0].length - 1;
    return Arrays.stream(best).mapToDouble(row -> row[all]).min().orElseThrow();
  }
}
