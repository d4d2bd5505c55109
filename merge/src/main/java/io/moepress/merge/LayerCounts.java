package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.MergeRequest;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SortedMap;
import java.util.TreeMap;

/// How many experts of each layer are left: as many as asked for, or as many as stand above one
/// threshold of frequency for all layers.
///
/// The frequency of an expert is its share of what the tokens of its layer chose. First every layer
/// gets what it cannot do without; what is left goes to the highest frequencies wherever they are,
/// ties to the lower layer. A layer whose tokens spread over many experts keeps more of them. Where
/// the router chooses by groups, a layer gets one expert for each group at a time, by the sum of
/// the next frequencies.
///
/// Source: the number of groups of M-SMoE, arXiv:2310.01334, and `dynamic_group` of
/// wazenmai/HC-SMoE `bd77eba`.
final class LayerCounts {
  private final MergeRequest request;
  private final ExpertGroups groups;

  private LayerCounts(MergeRequest request) {
    this.request = request;
    this.groups = groups(request);
  }

  /// The numbers by layer.
  static SortedMap<Integer, Integer> of(MergeRequest request) {
    return switch (request.allocation()) {
      case Allocation.EachLayer each -> each.counts();
      case Allocation.Global global -> new LayerCounts(request).above(global.total());
    };
  }

  /// The groups that clusters have to respect.
  static ExpertGroups groups(MergeRequest request) {
    return request.options().router().keepsRows() ? ExpertGroups.NONE : request.layout().groups();
  }

  /// What a layer cannot do without: what a token uses, and all guarded experts and one for the
  /// others.
  static int fewest(int layer, MergeRequest request) {
    ExpertGroups groups = groups(request);
    int size = groups.size(request.layout().experts(layer));
    int alone = 0;
    for (int group = 0; group < groups.count(); group++) {
      int first = group * size;
      long guarded =
          request.guardedIn(layer).stream()
              .filter(expert -> expert >= first && expert < first + size)
              .count();
      alone = Math.max(alone, Math.toIntExact(guarded) + (guarded < size ? 1 : 0));
    }
    boolean anyRow = request.options().router().keepsRows();
    int topK = request.layout().topK();
    int used = anyRow ? 1 : groups.count() == 1 ? topK : groups.smallestSize(topK);
    return groups.count() * Math.max(used, alone);
  }

  /// A layer that may keep one more expert, or one more of each group.
  private record Offer(int layer, double[] descending, int kept, double frequency) {}

  private SortedMap<Integer, Integer> above(int total) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    PriorityQueue<Offer> offers =
        new PriorityQueue<>(
            Comparator.comparingDouble((Offer offer) -> -offer.frequency())
                .thenComparingInt(Offer::layer));
    for (Map.Entry<Integer, Evidence.Layer> entry : request.evidence().layers().entrySet()) {
      int layer = entry.getKey();
      counts.put(layer, fewest(layer, request));
      offer(layer, descending(entry.getValue()), counts.getOrDefault(layer, 0), offers);
    }
    int left = total - counts.values().stream().mapToInt(Integer::intValue).sum();
    Checks.require(
        left >= 0,
        "allocation: global: %d experts would be left in all layers, but they need %d: each as many"
            + " as a token uses, all that are protected, and one for the others. Leave more, or"
            + " protect fewer.",
        total,
        total - left);
    while (!offers.isEmpty() && left >= groups.count()) {
      Offer best = offers.remove();
      int kept = best.kept() + groups.count();
      counts.put(best.layer(), kept);
      left -= groups.count();
      offer(best.layer(), best.descending(), kept, offers);
    }
    return counts;
  }

  /// The shares of a layer's experts, the largest first; all alike where no token chose any.
  private static double[] descending(Evidence.Layer layer) {
    double[] counts = layer.total(Statistic.ROUTED_TOKENS);
    double sum = Arrays.stream(counts).sum();
    double[] shares =
        Arrays.stream(counts).map(count -> sum == 0 ? 1.0 / counts.length : count / sum).toArray();
    Arrays.sort(shares);
    double[] descending = new double[shares.length];
    for (int i = 0; i < shares.length; i++) {
      descending[i] = shares[shares.length - 1 - i];
    }
    return descending;
  }

  private void offer(int layer, double[] descending, int kept, PriorityQueue<Offer> offers) {
    if (kept < descending.length) {
      double next = Arrays.stream(descending, kept, kept + groups.count()).sum();
      offers.add(new Offer(layer, descending, kept, next));
    }
  }
}
