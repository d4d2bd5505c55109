package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.merge.Clusters.Clustering;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// K-means of items of which only the scalar products are known: the squared distance of item `i`
/// from the mean of cluster `C` is
///
/// ```
/// K_ii − 2/|C| · Σ_{j ∈ C} K_ij + 1/|C|² · Σ_{j,l ∈ C} K_jl
/// ```
///
/// First centres are drawn as k-means++ does, each with a probability proportional to its squared
/// distance from the nearest centre before it; then items move to the nearest mean until none does.
/// A cluster left empty takes the item that is farthest from its own mean. Of several starts the
/// one with the smallest sum of squared distances counts; ties keep the earlier.
///
/// Source: Arthur and Vassilvitskii, "k-means++", SODA 2007; Dhillon, Guan and Kulis, "Kernel
/// k-means", KDD 2004.
///
/// @param kernel scalar products of all items, symmetric
/// @param starts how often to begin anew
/// @param seed decides the first centres
record KernelMeans(double[][] kernel, int starts, long seed) implements Clustering {
  private static final int MAX_ROUNDS = 300;

  KernelMeans {
    Checks.require(starts >= 1, "starts: %d (expected at least 1)", starts);
  }

  @Override
  public Clusters cluster(List<Integer> items, int count) {
    Checks.require(
        count >= 1 && count <= items.size(), "%d clusters of %d items", count, items.size());
    SplittableRandom random = new SplittableRandom(seed);
    Run best = new Run(items, count);
    best.settle(random);
    for (int start = 1; start < starts; start++) {
      Run run = new Run(items, count);
      run.settle(random);
      if (run.cost() < best.cost()) {
        best = run;
      }
    }
    return new Clusters(best.clusters(), List.of());
  }

  /// One start.
  private final class Run {
    private final List<Integer> items;
    private final int[] labels;
    private final double[][] distances; // [items][clusters], squared

    Run(List<Integer> items, int count) {
      this.items = items;
      this.labels = new int[items.size()];
      this.distances = new double[items.size()][count];
    }

    private double kernel(int a, int b) {
      return kernel[items.get(a)][items.get(b)];
    }

    void settle(SplittableRandom random) {
      begin(random);
      boolean moved = true;
      for (int round = 0; moved && round < MAX_ROUNDS; round++) {
        repair();
        measure();
        moved = move();
      }
      repair();
      measure();
    }

    /// Gives each item to the nearest of the centres that are drawn.
    private void begin(SplittableRandom random) {
      double[] nearest = new double[items.size()];
      Arrays.fill(nearest, Double.POSITIVE_INFINITY);
      boolean[] taken = new boolean[items.size()];
      for (int cluster = 0; cluster < distances[0].length; cluster++) {
        int centre =
            cluster == 0 ? random.nextInt(items.size()) : draw(nearest, taken, random.nextDouble());
        taken[centre] = true;
        for (int item = 0; item < nearest.length; item++) {
          double distance = kernel(item, item) + kernel(centre, centre) - 2 * kernel(item, centre);
          if (distance < nearest[item] || item == centre) {
            nearest[item] = Math.max(0, distance);
            labels[item] = cluster;
          }
        }
      }
    }

    private static int draw(double[] weights, boolean[] taken, double chance) {
      double total = 0;
      for (int item = 0; item < weights.length; item++) {
        total += taken[item] ? 0 : weights[item];
      }
      double left = chance * total;
      int last = -1;
      for (int item = 0; item < weights.length; item++) {
        if (!taken[item] && (last < 0 || weights[item] > 0)) {
          last = item;
          left -= weights[item];
          if (left < 0) {
            return item;
          }
        }
      }
      return last;
    }

    /// Squared distances of all items from all means.
    private void measure() {
      int count = distances[0].length;
      double[] sizes = new double[count];
      double[][] sums = new double[items.size()][count];
      double[] squares = new double[count];
      for (int item = 0; item < labels.length; item++) {
        sizes[labels[item]]++;
        for (int other = 0; other < labels.length; other++) {
          sums[item][labels[other]] += kernel(item, other);
        }
      }
      for (int item = 0; item < labels.length; item++) {
        squares[labels[item]] += sums[item][labels[item]];
      }
      for (int item = 0; item < labels.length; item++) {
        for (int cluster = 0; cluster < count; cluster++) {
          distances[item][cluster] =
              kernel(item, item)
                  - 2 * sums[item][cluster] / sizes[cluster]
                  + squares[cluster] / (sizes[cluster] * sizes[cluster]);
        }
      }
    }

    private boolean move() {
      boolean moved = false;
      for (int item = 0; item < labels.length; item++) {
        int nearest = labels[item];
        for (int cluster = 0; cluster < distances[item].length; cluster++) {
          if (distances[item][cluster] < distances[item][nearest]) {
            nearest = cluster;
          }
        }
        moved |= nearest != labels[item];
        labels[item] = nearest;
      }
      return moved;
    }

    /// Fills empty clusters.
    private void repair() {
      int count = distances[0].length;
      for (int cluster = 0; cluster < count; cluster++) {
        int[] sizes = new int[count];
        Arrays.stream(labels).forEach(label -> sizes[label]++);
        if (sizes[cluster] > 0) {
          continue;
        }
        int farthest = -1;
        for (int item = 0; item < labels.length; item++) {
          boolean spare = sizes[labels[item]] > 1;
          if (spare && (farthest < 0 || own(item) > own(farthest))) {
            farthest = item;
          }
        }
        labels[farthest] = cluster;
      }
    }

    private double own(int item) {
      return distances[item][labels[item]];
    }

    double cost() {
      double cost = 0;
      for (int item = 0; item < labels.length; item++) {
        cost += own(item);
      }
      return cost;
    }

    List<List<Integer>> clusters() {
      List<List<Integer>> clusters = new ArrayList<>();
      for (int cluster = 0; cluster < distances[0].length; cluster++) {
        clusters.add(new ArrayList<>());
      }
      for (int item = 0; item < labels.length; item++) {
        clusters.get(labels[item]).add(items.get(item));
      }
      return clusters;
    }
  }
}
