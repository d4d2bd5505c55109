package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// A method that gives each expert a score and keeps, in every layer, the experts with the highest.
///
/// Guarded experts stay first, then the score decides; ties keep the lower index.
public interface ScoredPruning extends PruneMethod {

  /// The score of every expert of a layer, `[E]`: the higher, the sooner it stays.
  double[] scores(int layer, Evidence.Layer evidence, PruneRequest request);

  @Override
  default List<KeepExperts> plan(PruneRequest request) {
    List<KeepExperts> steps = new ArrayList<>();
    for (Map.Entry<Integer, Evidence.Layer> entry : request.evidence().layers().entrySet()) {
      int layer = entry.getKey();
      double[] scores = scores(layer, entry.getValue(), request);
      requireFinite(layer, scores);
      SortedSet<Integer> guarded = request.guardedIn(layer);
      steps.add(
          new KeepExperts(
              layer,
              name(),
              request.router().label(),
              keepHighest(layer, scores, guarded, request.kept()),
              List.copyOf(guarded),
              Arrays.stream(scores).boxed().toList()));
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

  private static List<Integer> keepHighest(
      int layer, double[] scores, SortedSet<Integer> guarded, int count) {
    Checks.require(
        guarded.size() <= count,
        "layer %d: %d experts are protected (%s), but only %d may stay. Keep more, or protect fewer.",
        layer,
        guarded.size(),
        guarded,
        count);
    Set<Integer> kept = new TreeSet<>(guarded);
    IntStream.range(0, scores.length)
        .boxed()
        .filter(expert -> !guarded.contains(expert))
        .sorted(Comparator.comparingDouble((Integer expert) -> -scores[expert]))
        .limit(count - guarded.size())
        .forEach(kept::add);
    return List.copyOf(kept);
  }
}
