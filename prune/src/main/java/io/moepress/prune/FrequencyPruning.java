package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneRequest;
import java.util.List;
import java.util.Set;

/// Baseline: keeps the experts that are chosen most often, `S_j = |X_j|`.
///
/// Source: the hard count of SEER-MoE, arXiv:2404.05089.
public record FrequencyPruning() implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "frequency",
          "number of tokens in `X_j`",
          "A baseline: what the others have to beat. It does not look at outputs at all.",
          "SEER-MoE hard count, arXiv:2404.05089",
          "",
          List.of(),
          "- prune: {method: frequency, keep: 50%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.ROUTED_TOKENS);
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    return evidence.total(Statistic.ROUTED_TOKENS);
  }
}
