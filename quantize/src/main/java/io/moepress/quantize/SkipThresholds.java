package io.moepress.quantize;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Reservoir;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;

/// When a runtime may leave out the second of two experts: ODP, the online dynamic pruning of
/// MC-MoE.
///
/// A token's second expert is skipped, and the first gets all the weight, where the ratio of their
/// weights `g_2 / g_1` is below the median of its layer. No checkpoint can say so, and runtimes
/// that are not told do not skip: it is written down for those who build one.
///
/// Source: MC-MoE, arXiv:2410.06270; there for Mixtral, with two experts for each token. For models
/// with more it is not defined.
public final class SkipThresholds {
  private SkipThresholds() {}

  /// The median ratio of each layer over the tokens of the reservoir; of no layer where there is
  /// none, or a token has another number of experts than two.
  public static SortedMap<Integer, Double> of(Evidence evidence) {
    SortedMap<Integer, Double> thresholds = new TreeMap<>();
    evidence
        .layers()
        .forEach((layer, seen) -> {
          if (seen.parts().hasReservoir() && seen.reservoir().topK() == 2) {
            thresholds.put(layer, median(seen.reservoir()));
          }
        });
    return thresholds;
  }

  private static double median(Reservoir reservoir) {
    double[] ratios = new double[reservoir.rows()];
    for (int row = 0; row < ratios.length; row++) {
      double first = reservoir.weights()[2 * row];
      ratios[row] = first == 0 ? 1 : reservoir.weights()[2 * row + 1] / first;
    }
    Arrays.sort(ratios);
    int half = ratios.length / 2;
    return ratios.length % 2 == 1 ? ratios[half] : (ratios[half - 1] + ratios[half]) / 2;
  }
}
