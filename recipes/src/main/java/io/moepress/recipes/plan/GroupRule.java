package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;

/// What group-limited routing asks of a decision: groups of experts must stay equally large, or
/// experts that were rivals for a place in one group would end up in another, and they must stay
/// large enough for the router to choose from.
///
/// Source: the reshaping of scores into groups in DeepSeek-V3's router, which has no other way to
/// tell the groups apart than their size.
public final class GroupRule {
  private GroupRule() {}

  /// Makes sure that so many experts of each layer can stand in the model's groups.
  ///
  /// @param counts number of experts that stay, by layer
  /// @throws PlanMismatchException naming the nearest number that can
  public static void requireCounts(ModelLayout layout, SortedMap<Integer, Integer> counts) {
    ExpertGroups groups = layout.groups();
    counts.forEach((layer, kept) -> {
      if (groups.count() > 1 && !groups.fit(kept, layout.topK())) {
        throw new PlanMismatchException(
            "%d of %d experts would stay in %s (expected %s). The nearest is %d."
                + " \"groups: none\" makes one group of all, \"top-k: fit\" lets a token use fewer.",
            kept,
            layout.experts(layer),
            where(counts, layer),
            groups.rule(layout.topK()),
            groups.nearest(kept, layout.experts(layer), layout.topK()));
      }
    });
  }

  /// A layer, or each where all have the same number.
  ///
  /// @param counts number of experts, by layer
  public static String where(SortedMap<Integer, Integer> counts, int layer) {
    return counts.values().stream().distinct().count() == 1 ? "each layer" : "layer " + layer;
  }

  /// Makes sure that a step keeps equally many experts of each group.
  ///
  /// @throws PlanMismatchException saying how many it keeps of each
  public static void requireEqual(ModelLayout layout, ExpertStep step) {
    List<Integer> kept =
        switch (step) {
          case KeepExperts keep -> keptByGroup(layout, keep);
          case MergeExperts merge -> leftByGroup(layout, merge);
        };
    if (kept.stream().distinct().count() > 1) {
      throw new PlanMismatchException(
          "plan: layer %d keeps %s experts of its groups of %d (expected equally many of each, %d)",
          step.layer(),
          kept,
          layout.groups().size(step.experts()),
          step.left() / layout.groups().count());
    }
  }

  /// Makes sure that a step that masks experts leaves enough in each group, whichever groups are
  /// open to a token. Groups keep their places, so they need not stay equally large.
  ///
  /// @throws PlanMismatchException saying how many it keeps of each
  public static void requireEnough(ModelLayout layout, KeepExperts step) {
    List<Integer> kept = keptByGroup(layout, step);
    int least = layout.groups().smallestSize(layout.topK());
    if (kept.stream().anyMatch(count -> count < least)) {
      throw new PlanMismatchException(
          "plan: layer %d keeps %s experts of its groups of %d (expected at least %d of each)",
          step.layer(), kept, layout.groups().size(step.experts()), least);
    }
  }

  /// How many experts of each routing group there are after a merge.
  ///
  /// @throws PlanMismatchException when experts of different routing groups become one
  private static List<Integer> leftByGroup(ModelLayout layout, MergeExperts step) {
    ExpertGroups groups = layout.groups();
    int size = groups.size(step.experts());
    int[] left = new int[groups.count()];
    for (MergeExperts.Group merged : step.groups()) {
      List<Integer> homes = merged.members().stream().map(id -> id / size).distinct().toList();
      if (homes.size() > 1) {
        throw new PlanMismatchException(
            "plan: layer %d merges experts %s (expected experts of one routing group of %d)",
            step.layer(), merged.members(), size);
      }
      left[homes.getFirst()]++;
    }
    return IntStream.of(left).boxed().toList();
  }

  private static List<Integer> keptByGroup(ModelLayout layout, KeepExperts step) {
    ExpertGroups groups = layout.groups();
    int size = groups.size(step.experts());
    return IntStream.range(0, groups.count())
        .map(
            group -> Math.toIntExact(step.kept().stream().filter(id -> id / size == group).count()))
        .boxed()
        .toList();
  }
}
