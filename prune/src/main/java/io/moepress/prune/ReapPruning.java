package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneRequest;
import java.util.List;
import java.util.Set;

/// REAP: drops the experts with the lowest router-weighted activation.
///
/// The score of expert `j` is the mean, over the tokens `X_j` routed to it, of its weight times the
/// norm of its output:
///
/// ```
/// S_j = (1 / |X_j|) · Σ_{t ∈ X_j} g_j(t) · ‖f_j(x_t)‖₂
/// ```
///
/// An expert no token reached has score 0.
///
/// Source: Lasby et al., arXiv:2510.13999. The weight is the one the router really uses, as in
/// llm-compressor's `REAPPruningModifier`.
public record ReapPruning() implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "reap",
          "mean over `X_j` of `g_j · ‖f_j‖`",
          "A mean, so that a rare expert with strong outputs outlives a frequent one "
              + "with weak outputs. Wants many texts, or rare experts are judged by few tokens.",
          "REAP, arXiv:2510.13999",
          "REAPPruningModifier of llm-compressor",
          List.of(),
          "- prune: {method: reap, keep: 75%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.GATED_OUTPUT_NORM_SUM, Statistic.ROUTED_TOKENS);
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    double[] scores = evidence.total(Statistic.GATED_OUTPUT_NORM_SUM); // [E]
    double[] tokens = evidence.total(Statistic.ROUTED_TOKENS); // [E]
    for (int expert = 0; expert < scores.length; expert++) {
      scores[expert] = tokens[expert] == 0 ? 0 : scores[expert] / tokens[expert];
    }
    return scores;
  }
}
