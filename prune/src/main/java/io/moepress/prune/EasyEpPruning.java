package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneRequest;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/// EASY-EP: keeps the experts that matter to a domain, from a handful of its texts.
///
/// The score of expert `j` is the sum over tokens of how strongly it speaks (output-aware
/// importance) times how much the routed experts turn that token (token contribution):
///
/// ```
/// I_j = Σ_t g_j(t) · ‖f_j(x_t)‖₂ · max(0, 1 − cos(h_t, h_t + Σ_i g_i(t) f_i(x_t)))
/// ```
///
/// with the weight `g` really used, the output `f` before that weight, and the residual stream `h`
/// in front of the feed-forward norm; shared experts are not part of the sum in the cosine. Every
/// layer keeps the same number. With several domains each domain's scores of a layer are first
/// divided by their sum, then averaged, so that no domain outvotes another by its length. An expert
/// no token reached has score 0.
///
/// Source: Dong et al., "Domain-Specific Pruning of Large Mixture-of-Experts Models with Few-shot
/// Demonstrations", section 4; the clamp at 0 is from the authors' code, RUCAIBox/EASYEP `7324eb1`,
/// `pruning/expert_selection.py`. Their code keeps all router rows and needs a patched runtime;
/// here the rows are cut with the experts, so that stock runtimes load the result.
public record EasyEpPruning() implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "easy-ep",
          "`Σ g_j · ‖f_j‖ · max(0, 1 − cos(h, h + Σ_i g_i f_i))`, formed token by token; "
              + "with several domains each domain's scores are divided by their sum and "
              + "averaged",
          "For keeping a model good at one domain, from about 25 of its texts: prompts "
              + "with the model's own answers, if it is a chat or reasoning model. Not meant "
              + "for calibration on mixed web text.",
          "EASY-EP, Dong et al., NeurIPS 2025; clamp as in the authors' code",
          "RUCAIBox/EASYEP 7324eb1, pruning/expert_selection.py",
          List.of(),
          "- prune: {method: easy-ep, keep: 50%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of(Statistic.EASY_EP_SUM);
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    double[][] domains = evidence.byDomain(Statistic.EASY_EP_SUM); // [domains][E]
    return domains.length == 1 ? domains[0] : mean(domains, evidence.experts());
  }

  private static double[] mean(double[][] domains, int experts) {
    double[] mean = new double[experts];
    for (double[] domain : domains) {
      double sum = Arrays.stream(domain).sum();
      for (int expert = 0; expert < experts && sum > 0; expert++) {
        mean[expert] += domain[expert] / sum / domains.length;
      }
    }
    return mean;
  }
}
