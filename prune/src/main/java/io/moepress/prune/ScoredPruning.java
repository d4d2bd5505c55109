package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.stream.IntStream;

/// A method that gives each expert a score and keeps, in every layer, the experts with the highest.
///
/// Guarded experts stay first, then the score decides; ties keep the lower index. Where the router
/// chooses by groups of experts, each group keeps equally many, and this holds within the group.
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
              keepHighest(layer, scores, guarded, request),
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
      int layer, double[] scores, SortedSet<Integer> guarded, PruneRequest request) {
    ExpertGroups groups = request.layout().groups();
    int size = groups.size(scores.length);
    int stay = groups.size(request.kept());
    Comparator<Integer> guardedFirst =
        Comparator.comparing((Integer expert) -> !guarded.contains(expert))
            .thenComparingDouble(expert -> -scores[expert]);
    List<Integer> kept = new ArrayList<>();
    for (int group = 0; group < groups.count(); group++) {
      List<Integer> members = IntStream.range(group * size, (group + 1) * size).boxed().toList();
      requireRoom(layer, members, guarded, stay);
      members.stream().sorted(guardedFirst).limit(stay).sorted().forEach(kept::add);
    }
    return kept;
  }

  private static void requireRoom(
      int layer, List<Integer> members, SortedSet<Integer> guarded, int stay) {
    List<Integer> inGroup = members.stream().filter(expert -> guarded.contains(expert)).toList();
    Checks.require(
        inGroup.size() <= stay,
        "layer %d: %d experts are protected (%s), but only %d may stay of experts %d to %d. Keep"
            + " more, or protect fewer.",
        layer,
        inGroup.size(),
        inGroup,
        stay,
        members.getFirst(),
        members.getLast());
  }
}
