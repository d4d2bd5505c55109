package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import java.util.List;
import java.util.stream.IntStream;

/// What group-limited routing asks of a decision: groups of experts must stay equally large, or
/// experts that were rivals for a place in one group would end up in another, and they must stay
/// large enough for the router to choose from.
///
/// Source: the reshaping of scores into groups in DeepSeek-V3's router, which has no other way to
/// tell the groups apart than their size.
public final class GroupRule {
  private GroupRule() {}

  /// Makes sure that `kept` experts of each layer can stand in the model's groups.
  ///
  /// @throws PlanMismatchException naming the nearest number that can
  public static void requireCount(ModelLayout layout, int kept) {
    ExpertGroups groups = layout.groups();
    if (!groups.fit(kept, layout.topK())) {
      throw new PlanMismatchException(
          "%d of %d experts would stay in each layer (expected %s). The nearest is %d.",
          kept,
          layout.experts(),
          groups.rule(layout.topK()),
          groups.nearest(kept, layout.experts(), layout.topK()));
    }
  }

  /// Makes sure that a step keeps equally many experts of each group.
  ///
  /// @throws PlanMismatchException saying how many it keeps of each
  public static void requireEqual(ModelLayout layout, KeepExperts step) {
    ExpertGroups groups = layout.groups();
    int size = groups.size(step.experts());
    List<Long> kept =
        IntStream.range(0, groups.count())
            .mapToObj(group -> step.kept().stream().filter(id -> id / size == group).count())
            .toList();
    if (kept.stream().distinct().count() > 1) {
      throw new PlanMismatchException(
          "plan: layer %d keeps %s experts of its groups of %d (expected equally many of each, %d)",
          step.layer(), kept, size, step.kept().size() / groups.count());
    }
  }
}
