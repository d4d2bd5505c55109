package io.moepress.example;

import io.moepress.formats.Checks;
import io.moepress.prune.ScoredPruning;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneRequest;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// Keeps the experts with the largest outputs, those with fewer tokens than `least` last.
///
/// ```
/// S_j = max_{x ∈ X_j} ‖f_j(x)‖_∞, or 0 where |X_j| < least
/// ```
///
/// Source: none; an example.
///
/// @param least tokens that an expert needs to be judged, at least 0
public record PeakPruning(int least) implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "peak",
          "`max ‖f_j‖_∞`, 0 for fewer than `least` tokens",
          "An example of a method.",
          "none",
          "",
          List.of(
              new MethodDescription.Option(
                  "least", "a whole number from 0 on", "tokens that an expert needs", "1")),
          "- prune: {method: peak, keep: 50%}");

  public PeakPruning {
    Checks.require(least >= 0, "least: %d (expected 0 or more)", least);
  }

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.ROUTED_TOKENS, Statistic.OUTPUT_MAXIMUM);
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    double[] tokens = evidence.total(Statistic.ROUTED_TOKENS); // [E]
    double[] peaks = evidence.total(Statistic.OUTPUT_MAXIMUM); // [E]
    double[] scores = new double[evidence.experts()];
    Arrays.setAll(scores, expert -> tokens[expert] < least ? 0 : peaks[expert]);
    return scores;
  }
}
