package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.PruneRequest;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Keeps the experts that are chosen often, weighted high, or loud: the family of scores that most
/// criteria for dropping experts belong to.
///
/// ```
/// S_j(b, α, β) = n_j^(−b) · Σ_{t ∈ X_j} g_j(t)^α · ‖f_j(x_t)‖₂^β
/// ```
///
/// with the `n_j = |X_j|` tokens routed to expert `j`, the weight `g` really used and the output
/// `f` before that weight. `b = 0` is a sum, so that what is seldom chosen counts for little; `b =
/// 1` a mean over the routed tokens. An expert no token reached has score 0. Domains are added
/// before the division. [ActivationMembers] names the published ones.
///
/// Source: arXiv:2606.15716. The weight is the one the router really uses, as in llm-compressor's
/// `REAPPruningModifier`; REAP's own code renormalised none until March 2026, and takes the softmax
/// of the logits also for sigmoid routers.
///
/// @param name the name by which a recipe asks for it
/// @param b power of the number of tokens that the sum is divided by, in [0, 1]
/// @param alpha power of the weight
/// @param beta power of the norm
public record ActivationPruning(String name, double b, int alpha, int beta)
    implements ScoredPruning {

  /// Powers of weight and norm.
  private record Powers(int alpha, int beta) {
    @Override
    public String toString() {
      return "alpha " + alpha + " and beta " + beta;
    }
  }

  /// The sums that calibration gathers. Others cannot be formed from them afterwards.
  private static final Map<Powers, Statistic> SUMS = sums();

  private static Map<Powers, Statistic> sums() {
    Map<Powers, Statistic> sums = new LinkedHashMap<>();
    sums.put(new Powers(0, 0), Statistic.ROUTED_TOKENS);
    sums.put(new Powers(1, 0), Statistic.GATE_SUM);
    sums.put(new Powers(0, 1), Statistic.OUTPUT_NORM_SUM);
    sums.put(new Powers(0, 2), Statistic.OUTPUT_SQUARE_SUM);
    sums.put(new Powers(1, 1), Statistic.GATED_OUTPUT_NORM_SUM);
    sums.put(new Powers(2, 1), Statistic.SQUARED_GATE_OUTPUT_NORM_SUM);
    sums.put(new Powers(2, 2), Statistic.GATED_OUTPUT_SQUARE_SUM);
    return sums;
  }

  public ActivationPruning {
    Checks.require(b >= 0 && b <= 1, "%s: b: %s (expected a number from 0 to 1)", name, b);
    Checks.require(
        SUMS.containsKey(new Powers(alpha, beta)),
        "%s: alpha %d and beta %d (expected one of: %s). Calibration gathers no other sums",
        name,
        alpha,
        beta,
        supported());
    Checks.require(
        b < 1 || alpha > 0 || beta > 0,
        "%s: b 1, alpha 0 and beta 0 give every expert the same score (expected a smaller b)",
        name);
  }

  private static String supported() {
    List<String> pairs = new ArrayList<>();
    SUMS.keySet().forEach(powers -> pairs.add(powers.toString()));
    return String.join("; ", pairs);
  }

  @Override
  public Set<Statistic> needs() {
    EnumSet<Statistic> needs = EnumSet.of(sum());
    if (b > 0) {
      needs.add(Statistic.ROUTED_TOKENS);
    }
    return needs;
  }

  private Statistic sum() {
    Statistic sum = SUMS.get(new Powers(alpha, beta));
    if (sum == null) {
      throw new IllegalStateException("no sum for alpha " + alpha + " and beta " + beta);
    }
    return sum;
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    double[] scores = evidence.total(sum()); // [E]
    if (b > 0) {
      double[] tokens = evidence.total(Statistic.ROUTED_TOKENS); // [E]
      for (int expert = 0; expert < scores.length; expert++) {
        scores[expert] = tokens[expert] == 0 ? 0 : scores[expert] / Math.pow(tokens[expert], b);
      }
    }
    return scores;
  }
}
