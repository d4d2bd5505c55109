package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Gating;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.PlanMismatchException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/// How many experts of each layer are left where the experts of some neighbouring layers are
/// clustered together.
///
/// A window of layers gets its part of the budget. K-means on the directions of outputs puts the
/// experts of all its layers in `k` clusters; a cluster that reaches into several layers has a part
/// in each, and each part counts as an expert of its layer. `k` begins with the budget of the
/// window and falls until there are no more parts than that. Parts that are still missing go, one
/// by one, to the layer with the most experts for each part; ties go to the lower layer. No layer
/// gets fewer than it cannot do without; what that takes comes from the layer with the fewest
/// experts for each part.
///
/// Source: "adaptive layer-wise allocation" of Sub-MoE, arXiv:2506.23266, section 3.2, where
/// windows of two layers do best. What becomes of a cluster that mixes layers is not said there;
/// experts of different layers cannot become one, so clusters decide about numbers here, and each
/// layer is then clustered by itself.
final class WindowCounts {
  private final MergeRequest request;
  private final int window;
  private final int starts;
  private final long seed;

  WindowCounts(MergeRequest request, int window, int starts, long seed) {
    this.request = request;
    this.window = window;
    this.starts = starts;
    this.seed = seed;
    if (LayerCounts.groups(request).count() > 1) {
      throw new PlanMismatchException(
          "window: %d: the router of %s chooses by %d groups of experts, which clusters over layers do"
              + " not respect. Use \"window: 1\", \"groups: none\" or \"router: map\".",
          window, request.layout().config().modelType(), request.layout().groups().count());
    }
  }

  /// The numbers of experts by layer.
  ///
  /// @param total of all layers
  SortedMap<Integer, Integer> of(int total) throws IOException {
    List<Map.Entry<Integer, Evidence.Layer>> layers =
        List.copyOf(request.evidence().layers().entrySet());
    long experts = layers.stream().mapToLong(layer -> layer.getValue().experts()).sum();
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    long seen = 0;
    for (int first = 0; first < layers.size(); first += window) {
      List<Map.Entry<Integer, Evidence.Layer>> together =
          layers.subList(first, Math.min(first + window, layers.size()));
      long before = (2L * total * seen + experts) / (2 * experts); // rounded
      seen += together.stream().mapToLong(layer -> layer.getValue().experts()).sum();
      long behind = (2L * total * seen + experts) / (2 * experts);
      counts.putAll(ofWindow(together, Math.toIntExact(behind - before)));
    }
    return counts;
  }

  /// A place in a window.
  private record Item(int layer, int expert) {}

  private SortedMap<Integer, Integer> ofWindow(
      List<Map.Entry<Integer, Evidence.Layer>> together, int budget) throws IOException {
    SortedMap<Integer, Integer> fewest = new TreeMap<>();
    SortedMap<Integer, Integer> guarded = new TreeMap<>();
    List<Item> items = new ArrayList<>();
    List<Integer> free = new ArrayList<>();
    for (Map.Entry<Integer, Evidence.Layer> entry : together) {
      int layer = entry.getKey();
      SortedSet<Integer> alone = request.guardedIn(layer);
      fewest.put(layer, LayerCounts.fewest(layer, request));
      guarded.put(layer, alone.size());
      for (int expert = 0; expert < entry.getValue().experts(); expert++) {
        if (!alone.contains(expert)) {
          free.add(items.size());
        }
        items.add(new Item(layer, expert));
      }
    }
    SortedMap<Integer, Integer> parts = new TreeMap<>(guarded);
    if (!free.isEmpty()) {
      double[][] cosines = cosines(together);
      int k = Math.clamp(budget - sum(guarded), 1, free.size());
      parts = parts(cosines, items, free, k, guarded);
      while (k > 1 && sum(parts) > budget) {
        k--;
        parts = parts(cosines, items, free, k, guarded);
      }
    }
    parts.replaceAll((layer, count) -> Math.max(count, fewest.getOrDefault(layer, 1)));
    return filled(trimmed(parts, fewest, budget), budget);
  }

  private double[][] cosines(List<Map.Entry<Integer, Evidence.Layer>> together) throws IOException {
    ExpertFunction function = new ExpertFunction(LinearAlgebra.best(), Gating.of(request.layout()));
    return new JointCosines(function, request.model()).of(together);
  }

  /// Parts of `k` clusters in each layer, guarded experts added.
  private SortedMap<Integer, Integer> parts(
      double[][] cosines,
      List<Item> items,
      List<Integer> free,
      int k,
      SortedMap<Integer, Integer> guarded) {
    KernelMeans means = new KernelMeans(cosines, starts, seed + items.getFirst().layer());
    SortedMap<Integer, Integer> parts = new TreeMap<>(guarded);
    for (List<Integer> cluster : means.cluster(free, k).members()) {
      SortedSet<Integer> layers = new TreeSet<>();
      cluster.forEach(item -> layers.add(items.get(item).layer()));
      layers.forEach(layer -> parts.merge(layer, 1, Integer::sum));
    }
    return parts;
  }

  /// What layers cannot do without may be more than their parts; the layer that keeps most gives
  /// it.
  private SortedMap<Integer, Integer> trimmed(
      SortedMap<Integer, Integer> parts, SortedMap<Integer, Integer> fewest, int budget) {
    Checks.require(
        sum(fewest) <= budget,
        "window: %d: %d experts would be left in layers %s, but they need %d: each as many as a"
            + " token uses, all that are protected, and one for the others. Leave more, or protect"
            + " fewer.",
        window,
        budget,
        fewest.keySet(),
        sum(fewest));
    for (int surplus = sum(parts) - budget; surplus > 0; surplus--) {
      int richest = -1;
      for (int layer : parts.keySet()) {
        boolean spare = parts.getOrDefault(layer, 0) > fewest.getOrDefault(layer, 0);
        boolean richer = richest < 0 || need(layer, parts) < need(richest, parts);
        richest = spare && richer ? layer : richest;
      }
      parts.merge(richest, -1, Integer::sum);
    }
    return parts;
  }

  private SortedMap<Integer, Integer> filled(SortedMap<Integer, Integer> parts, int budget) {
    for (int missing = budget - sum(parts); missing > 0; missing--) {
      int neediest = parts.firstKey();
      for (int layer : parts.keySet()) {
        neediest = need(layer, parts) > need(neediest, parts) ? layer : neediest;
      }
      parts.merge(neediest, 1, Integer::sum);
    }
    return parts;
  }

  private double need(int layer, SortedMap<Integer, Integer> parts) {
    int experts = request.layout().experts(layer);
    int left = parts.getOrDefault(layer, experts);
    return left == experts ? 0 : (double) experts / left;
  }

  private static int sum(SortedMap<Integer, Integer> counts) {
    return counts.values().stream().mapToInt(Integer::intValue).sum();
  }
}
