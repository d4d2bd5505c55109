package io.moepress.prune;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.PruneRequest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Set;

/// AIMER: drops the experts whose weights are spread most evenly. It looks at weights alone and
/// needs no texts.
///
/// Over all weights `w` of an expert, gate, up and down projection together:
///
/// ```
/// A_j = mean |w| / √(mean w²)
/// ```
///
/// `A` is at most 1, where all weights have the same magnitude; weights drawn from a normal
/// distribution have √(2/π) ≈ 0.798, from a uniform one √3/2 ≈ 0.866, and a single weight among `N`
/// zeros 1/√N. A few large weights are a sign of an expert that has specialised, so those with high
/// `A` go: the score is `1 − A_j`. An expert whose weights are all zero has score 0.
///
/// Weights are read a piece at a time, in whichever way the checkpoint stores experts.
///
/// Source: arXiv:2603.18492.
public record AimerPruning() implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "aimer",
          "`1 − ‖w‖₁ / (√N · ‖w‖₂)` over all `N` weights of the expert",
          "When there are no texts: it looks at weights alone and takes seconds. A first guess;"
              + " scores that have seen the texts a model is for know more.",
          "AIMER, arXiv:2603.18492",
          "",
          List.of(),
          "- prune: {method: aimer, keep: 75%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of();
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request)
      throws IOException {
    double[] scores = new double[evidence.experts()];
    for (int expert = 0; expert < scores.length; expert++) {
      scores[expert] = 1 - moments(request.model(), layer, expert).evenness();
    }
    return scores;
  }

  private static WeightMoments moments(MoeModel model, int layer, int expert) throws IOException {
    WeightMoments moments = WeightMoments.NONE;
    for (TensorRole role : model.layout().roles()) {
      if (role.isExpert()) {
        try (Arena arena = Arena.ofConfined()) {
          moments =
              moments.and(
                  role.scope() == TensorRole.Scope.EXPERT
                      ? model.read(new TensorId(role, layer, expert), arena)
                      : model.readSlice(TensorId.ofLayer(role, layer), expert, arena));
        }
      }
    }
    return moments;
  }
}
