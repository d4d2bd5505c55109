package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.merge.Clusters.Clustering;
import io.moepress.merge.Linkage.Sides;
import io.moepress.recipes.plan.MergeExperts.Join;
import java.util.ArrayList;
import java.util.List;

/// Joins the two nearest clusters again and again, beginning with single items, until exactly so
/// many are left. Of equally near pairs the first in row-major order joins.
///
/// Average, single, complete and Ward linkage have no inversions: no two clusters join lower than
/// two before them.
///
/// @param distances between all items, symmetric
/// @param linkage how far clusters are apart
record Agglomeration(double[][] distances, Linkage linkage) implements Clustering {

  @Override
  public Clusters cluster(List<Integer> items, int count) {
    Checks.require(
        count >= 1 && count <= items.size(), "%d clusters of %d items", count, items.size());
    Run run = new Run(items);
    List<Join> joins = new ArrayList<>();
    for (int left = items.size(); left > count; left--) {
      joins.add(run.joinNearest());
    }
    return new Clusters(run.clusters(), joins);
  }

  /// The clusters there are, each at the place of its smallest member.
  private final class Run {
    private final List<Integer> items;
    private final double[][] between;
    private final List<List<Integer>> members = new ArrayList<>();

    Run(List<Integer> items) {
      this.items = items;
      int size = items.size();
      this.between = new double[size][size];
      for (int a = 0; a < size; a++) {
        members.add(new ArrayList<>(List.of(items.get(a))));
        for (int b = 0; b < size; b++) {
          between[a][b] = distances[items.get(a)][items.get(b)];
        }
      }
    }

    Join joinNearest() {
      int a = -1;
      int b = -1;
      double nearest = Double.POSITIVE_INFINITY;
      for (int i = 0; i < between.length; i++) {
        for (int j = i + 1; j < between.length; j++) {
          if (isThere(i) && isThere(j) && between[i][j] < nearest) {
            nearest = between[i][j];
            a = i;
            b = j;
          }
        }
      }
      Checks.require(a >= 0, "distances that are no numbers");
      join(a, b);
      return new Join(items.get(a), items.get(b), nearest);
    }

    private boolean isThere(int place) {
      return !members.get(place).isEmpty();
    }

    private void join(int a, int b) {
      int sizeA = members.get(a).size();
      int sizeB = members.get(b).size();
      for (int c = 0; c < between.length; c++) {
        if (c != a && c != b && isThere(c)) {
          double distance =
              linkage.joined(
                  new Sides(
                      sizeA,
                      sizeB,
                      members.get(c).size(),
                      between[a][b],
                      between[a][c],
                      between[b][c]));
          between[a][c] = distance;
          between[c][a] = distance;
        }
      }
      members.get(a).addAll(members.get(b));
      members.get(b).clear();
    }

    List<List<Integer>> clusters() {
      return members.stream().filter(cluster -> !cluster.isEmpty()).toList();
    }
  }
}
