package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.PruneRequest;
import java.util.Set;

/// Baseline: keeps the experts that are chosen most often, `S_j = |X_j|`.
///
/// Source: the hard count of SEER-MoE, arXiv:2404.05089.
public record FrequencyPruning() implements ScoredPruning {

  @Override
  public String name() {
    return "frequency";
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
