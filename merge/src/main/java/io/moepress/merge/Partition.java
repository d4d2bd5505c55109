package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.merge.Clusters.Clustering;
import io.moepress.recipes.plan.MergeExperts.Join;
import io.moepress.recipes.plan.MergeRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.stream.IntStream;

/// The clusters of a whole layer: guarded experts stand alone, and where the router chooses by
/// groups of experts, clusters lie within a group and each group has equally many, unless all rows
/// of the router stay where they are.
final class Partition {
  private Partition() {}

  /// Clusters the experts of a layer.
  ///
  /// @param count how many are left of them
  static Clusters of(int layer, int count, MergeRequest request, Clustering clustering) {
    int experts = request.layout().experts(layer);
    ExpertGroups groups =
        request.options().router().keepsRows() ? ExpertGroups.NONE : request.layout().groups();
    int size = groups.size(experts);
    int left = groups.size(count);
    SortedSet<Integer> guarded = request.guardedIn(layer);
    List<List<Integer>> members = new ArrayList<>();
    List<Join> joins = new ArrayList<>();
    for (int group = 0; group < groups.count(); group++) {
      List<Integer> all = IntStream.range(group * size, (group + 1) * size).boxed().toList();
      List<Integer> alone = all.stream().filter(expert -> guarded.contains(expert)).toList();
      List<Integer> free = all.stream().filter(expert -> !guarded.contains(expert)).toList();
      requireRoom(layer, alone, free, left);
      alone.forEach(expert -> members.add(List.of(expert)));
      if (!free.isEmpty()) {
        Clusters found = clustering.cluster(free, left - alone.size());
        members.addAll(found.members());
        joins.addAll(found.joins());
      }
    }
    return new Clusters(members, joins);
  }

  private static void requireRoom(int layer, List<Integer> alone, List<Integer> free, int left) {
    int needed = alone.size() + (free.isEmpty() ? 0 : 1);
    Checks.require(
        needed <= left,
        "layer %d: %d experts are protected (%s) and the others need one, but only %d may be left"
            + " of them. Leave more, or protect fewer.",
        layer,
        alone.size(),
        alone,
        left);
  }
}
