package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneRequest;
import java.util.List;
import java.util.Set;

/// Baseline: keeps the experts with the most routing weight, `S_j = Σ_t g_j(t)`.
///
/// Source: the soft count of SEER-MoE, arXiv:2404.05089.
public record GateMassPruning() implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "gate-mass",
          "`Σ g_j`",
          "A baseline between frequency and REAP: the most used experts stay, which is "
              + "the safest when very few may.",
          "SEER-MoE soft count, arXiv:2404.05089",
          "",
          List.of(),
          "- prune: {method: gate-mass, keep: 50%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
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
