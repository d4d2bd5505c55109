package io.moepress.merge;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;

/// Means over the reservoir, of what evidence holds as sums.
final class Means {
  private Means() {}

  /// The mean output of each expert, `[E][H]`.
  static double[][] outputs(Evidence.Layer layer, Evidence evidence) {
    return divided(layer.matrix(Statistic.RESERVOIR_OUTPUT_SUM), evidence);
  }

  /// The mean cosine of the outputs of each pair, `[E][E]`.
  static double[][] cosines(Evidence.Layer layer, Evidence evidence) {
    return divided(layer.matrix(Statistic.RESERVOIR_OUTPUT_COSINE_SUM), evidence);
  }

  private static double[][] divided(double[][] sums, Evidence evidence) {
    Sampling sampling = evidence.sampling();
    if (sampling == null) {
      throw new MissingEvidenceException(
          "the evidence has sums over a reservoir, but no reservoir. Calibrate again.");
    }
    for (double[] row : sums) {
      for (int i = 0; i < row.length; i++) {
        row[i] /= sampling.tokens();
      }
    }
    return sums;
  }
}
