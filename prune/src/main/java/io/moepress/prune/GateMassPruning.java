package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.PruneRequest;
import java.util.Set;

/// Baseline: keeps the experts with the most routing weight, `S_j = Σ_t g_j(t)`.
///
/// Source: the soft count of SEER-MoE, arXiv:2404.05089.
public record GateMassPruning() implements ScoredPruning {

  @Override
  public String name() {
    return "gate-mass";
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.GATE_SUM);
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    return evidence.total(Statistic.GATE_SUM);
  }
}
