package io.moepress.prune;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// Finds the threshold at which the clusters of all layers together are as many as wanted.
///
/// Clusters change only where the threshold passes a distance, so the distances themselves are the
/// thresholds worth trying. The number of clusters falls with the threshold, though not strictly: a
/// veto may go the other way for a step, and equal distances may skip the wanted number. So what is
/// found by bisection is looked at with its neighbours, and the nearest number wins; of two equally
/// near the larger, and the lowest threshold that gives it.
///
/// STUN's own code begins at 0.1, doubles and halves, and gives up when the number does not change.
///
/// @param layers the clustering of each layer
/// @param least fewest clusters of each layer
record ThresholdSearch(
    SortedMap<Integer, VetoClustering> layers, SortedMap<Integer, Integer> least) {
  private static final int NEIGHBOURS = 16;

  /// The clusters of each layer that are together as near to `total` as they can be.
  SortedMap<Integer, List<List<Integer>>> clusters(int total) {
    List<Double> thresholds = thresholds();
    int place = bisect(thresholds, total);
    SortedMap<Integer, List<List<Integer>>> best = at(thresholds.getFirst());
    for (int i = Math.max(0, place - NEIGHBOURS);
        i < Math.min(thresholds.size(), place + NEIGHBOURS);
        i++) {
      SortedMap<Integer, List<List<Integer>>> found = at(thresholds.get(i));
      if (isNearer(count(found), count(best), total)) {
        best = found;
      }
    }
    return best;
  }

  private static boolean isNearer(int count, int best, int total) {
    int byDistance = Integer.compare(Math.abs(count - total), Math.abs(best - total));
    return byDistance < 0 || (byDistance == 0 && count > best);
  }

  /// Each distance, and something above all of them.
  private List<Double> thresholds() {
    TreeSet<Double> distinct = new TreeSet<>();
    layers
        .values()
        .forEach(layer -> {
          for (double distance : layer.thresholds()) {
            distinct.add(distance);
          }
        });
    distinct.add(Double.POSITIVE_INFINITY);
    return List.copyOf(distinct);
  }

  /// The first place, as far as numbers fall, at which there are no more clusters than `total`.
  private int bisect(List<Double> thresholds, int total) {
    int low = 0;
    int high = thresholds.size() - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (count(at(thresholds.get(middle))) <= total) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private SortedMap<Integer, List<List<Integer>>> at(double threshold) {
    SortedMap<Integer, List<List<Integer>>> clusters = new TreeMap<>();
    for (Map.Entry<Integer, VetoClustering> layer : layers.entrySet()) {
      int fewest = least.getOrDefault(layer.getKey(), 1);
      clusters.put(layer.getKey(), layer.getValue().clusters(threshold, fewest));
    }
    return clusters;
  }

  private static int count(SortedMap<Integer, List<List<Integer>>> clusters) {
    return clusters.values().stream().mapToInt(List::size).sum();
  }
}
