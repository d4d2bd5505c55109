package io.moepress.recipes.plan;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;
import org.apache.commons.math3.stat.descriptive.rank.Percentile.EstimationType;

/// Finds the few experts whose extreme outputs form a model's massive activations. Dropping them
/// ruins it, however seldom they are used.
///
/// With `m` the largest absolute element of an expert's output, expert `j` of layer `l` is one when
///
/// ```
/// m > P99.5 of all m    and    m > (largest of all m) / 10    and    l < 0.75 · L
/// ```
///
/// `l` counts **decoder** layers, dense ones included, and `L` is their number. The percentile
/// interpolates between neighbours. Experts no token reached are not counted.
///
/// Source: arXiv:2507.23279. The published code looks at the first routed token only, divides with
/// rounding down, and counts layers among those that have experts; here it is done as described.
public final class SuperExperts {
  private static final double PERCENTILE = 99.5;
  private static final double SHARE_OF_LARGEST = 0.1;
  private static final double SHARE_OF_LAYERS = 0.75;

  private SuperExperts() {}

  private record Candidate(ExpertId id, double maximum) {}

  /// The super experts, by layer and index.
  ///
  /// @param evidence holds [Statistic#OUTPUT_MAXIMUM]
  /// @param decoderLayers number of decoder layers, `L`
  public static SortedSet<ExpertId> find(Evidence evidence, int decoderLayers) {
    List<Candidate> candidates = new ArrayList<>();
    evidence
        .layers()
        .forEach((layer, values) -> {
          double[] maxima = values.total(Statistic.OUTPUT_MAXIMUM);
          for (int expert = 0; expert < maxima.length; expert++) {
            if (maxima[expert] > 0) {
              candidates.add(new Candidate(new ExpertId(layer, expert), maxima[expert]));
            }
          }
        });
    double[] maxima = candidates.stream().mapToDouble(Candidate::maximum).toArray();
    SortedSet<ExpertId> found = new TreeSet<>();
    if (maxima.length == 0) {
      return found;
    }
    double percentile =
        new Percentile(PERCENTILE).withEstimationType(EstimationType.R_7).evaluate(maxima);
    double largest = candidates.stream().mapToDouble(Candidate::maximum).max().orElse(0);
    for (Candidate candidate : candidates) {
      if (candidate.maximum() > percentile
          && candidate.maximum() > SHARE_OF_LARGEST * largest
          && candidate.id().layer() < SHARE_OF_LAYERS * decoderLayers) {
        found.add(candidate.id());
      }
    }
    return found;
  }
}
