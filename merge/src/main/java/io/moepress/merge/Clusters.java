package io.moepress.merge;

import io.moepress.recipes.plan.MergeExperts.Join;
import java.util.Comparator;
import java.util.List;

/// Experts of a layer in clusters.
///
/// @param members of each cluster, ascending; clusters ascend by their smallest member
/// @param joins how they came about, the nearest first; empty where that is no sequence of joins
record Clusters(List<List<Integer>> members, List<Join> joins) {

  Clusters {
    members =
        members.stream()
            .map(cluster -> cluster.stream().sorted().toList())
            .sorted(Comparator.comparing((List<Integer> cluster) -> cluster.getFirst()))
            .toList();
    joins = List.copyOf(joins);
  }

  /// A way to find clusters.
  @FunctionalInterface
  interface Clustering {
    /// Puts each of `items` in one of exactly `count` clusters, none of which is empty.
    ///
    /// @param items expert indices, ascending
    Clusters cluster(List<Integer> items, int count);
  }
}
