package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/// A method that gives each expert a score and keeps the experts with the highest: of every layer
/// its share, or of all layers together ([GlobalThreshold]).
///
/// Guarded experts stay first, then the score decides; ties keep the lower index. Where the router
/// chooses by groups of experts, each group keeps equally many, and this holds within the group.
public interface ScoredPruning extends PruneMethod {

  /// The score of every expert of a layer, `[E]`: the higher, the sooner it stays.
  ///
  /// @throws IOException when weights cannot be read
  double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) throws IOException;

  @Override
  default List<KeepExperts> plan(PruneRequest request) throws IOException {
    List<LayerRanking> rankings = new ArrayList<>();
    for (Map.Entry<Integer, Evidence.Layer> entry : request.evidence().layers().entrySet()) {
      int layer = entry.getKey();
      double[] scores = scores(layer, entry.getValue(), request);
      requireFinite(layer, scores);
      rankings.add(ranking(layer, Arrays.stream(scores).boxed().toList(), request));
    }
    return decide(rankings, request);
  }

  @Override
  default List<KeepExperts> replan(List<? extends ExpertStep> decided, PruneRequest request)
      throws IOException {
    List<LayerRanking> rankings = new ArrayList<>();
    for (ExpertStep step : decided) {
      switch (step) {
        case KeepExperts keep -> rankings.add(ranking(keep.layer(), keep.scores(), request));
        case MergeExperts merge -> {} // this method merges nothing
      }
    }
    return decide(rankings, request);
  }

  private static LayerRanking ranking(int layer, List<Double> scores, PruneRequest request) {
    return new LayerRanking(layer, scores, request.guardedIn(layer), request.layout().groups());
  }

  private List<KeepExperts> decide(List<LayerRanking> rankings, PruneRequest request) {
    SortedMap<Integer, Integer> counts =
        switch (request.allocation()) {
          case Allocation.EachLayer each -> each.counts();
          case Allocation.Global global ->
              GlobalThreshold.counts(rankings, global.total(), request.layout().topK());
        };
    List<KeepExperts> steps = new ArrayList<>();
    for (LayerRanking ranking : rankings) {
      int layer = ranking.layer();
      steps.add(
          new KeepExperts(
              layer,
              name(),
              request.router().label(),
              ranking.highest(counts.getOrDefault(layer, ranking.scores().size())),
              List.copyOf(ranking.guarded()),
              ranking.scores()));
    }
    return steps;
  }

  private void requireFinite(int layer, double[] scores) {
    for (int expert = 0; expert < scores.length; expert++) {
      Checks.require(
          Double.isFinite(scores[expert]),
          "%s: layer %d: the score of expert %d is %s. The evidence is damaged; calibrate again.",
          name(),
          layer,
          expert,
          scores[expert]);
    }
  }
}
