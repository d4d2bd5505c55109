package io.moepress.prune;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// STUN's greedy clustering of the experts of one layer.
///
/// Pairs are looked at in ascending order of their distance, as long as that is below a threshold
/// `τ`. A pair `(i, j)` of two clusters unites them if every member of the cluster of `i` is nearer
/// to `j` than `τ`, and every member of the cluster of `j` nearer to `i`. If one is not, the pair
/// is vetoed: it counts as infinitely far from then on, in the checks of later pairs, too. It is
/// complete linkage limited to the two experts that give the occasion; other pairs across the two
/// clusters are never looked at.
///
/// Source: thnkinbtfly/STUN `21b0153`, `merge_weight.py`.
final class VetoClustering {
  private final double[][] distances;
  private final List<Pair> pairs;

  private record Pair(double distance, int first, int second) {}

  /// Prepares.
  ///
  /// @param distances symmetric, `[E, E]`; infinite between experts that must not be united; the
  ///   diagonal is not looked at
  VetoClustering(double[][] distances) {
    this.distances = distances;
    this.pairs = new ArrayList<>();
    for (int i = 0; i < distances.length; i++) {
      for (int j = i + 1; j < distances.length; j++) {
        if (distances[i][j] < Double.POSITIVE_INFINITY) {
          pairs.add(new Pair(distances[i][j], i, j));
        }
      }
    }
    pairs.sort(
        Comparator.comparingDouble(Pair::distance)
            .thenComparingInt(Pair::first)
            .thenComparingInt(Pair::second));
  }

  /// All finite distances of two experts, ascending, with repeats.
  double[] thresholds() {
    return pairs.stream().mapToDouble(Pair::distance).toArray();
  }

  /// The clusters for a threshold, each ascending, in ascending order of their smallest member.
  ///
  /// @param threshold `τ`
  /// @param least number of clusters at which uniting stops
  List<List<Integer>> clusters(double threshold, int least) {
    Run run = new Run(threshold);
    for (Pair pair : pairs) {
      if (pair.distance() >= threshold || run.count <= least) {
        break;
      }
      run.look(pair.first(), pair.second());
    }
    return run.clusters();
  }

  /// One pass over the pairs. A cluster bears the number of its smallest member.
  private final class Run {
    private final double threshold;
    private final int[] home = IntStream.range(0, distances.length).toArray();
    private final int[][] members = new int[distances.length][];
    private final boolean[][] vetoed = new boolean[distances.length][distances.length];
    private int count = distances.length;

    Run(double threshold) {
      this.threshold = threshold;
      Arrays.setAll(members, expert -> new int[] {expert});
    }

    void look(int i, int j) {
      if (home[i] == home[j] || vetoed[i][j]) {
        return;
      }
      if (isNear(members[home[i]], j) && isNear(members[home[j]], i)) {
        unite(Math.min(home[i], home[j]), Math.max(home[i], home[j]));
      } else {
        vetoed[i][j] = true;
        vetoed[j][i] = true;
      }
    }

    /// Whether all members of a cluster are nearer to an expert than the threshold.
    private boolean isNear(int[] cluster, int expert) {
      for (int member : cluster) {
        if (vetoed[member][expert] || distances[member][expert] >= threshold) {
          return false;
        }
      }
      return true;
    }

    private void unite(int kept, int gone) {
      for (int member : members[gone]) {
        home[member] = kept;
      }
      members[kept] =
          IntStream.concat(IntStream.of(members[kept]), IntStream.of(members[gone])).toArray();
      members[gone] = new int[0];
      count--;
    }

    List<List<Integer>> clusters() {
      return Arrays.stream(members)
          .filter(cluster -> cluster.length > 0)
          .map(cluster -> IntStream.of(cluster).sorted().boxed().toList())
          .toList();
    }
  }
}
