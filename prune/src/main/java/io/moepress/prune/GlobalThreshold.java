package io.moepress.prune;

import io.moepress.formats.Checks;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SortedMap;
import java.util.TreeMap;

/// One threshold over the scores of all layers: in all as many experts stay as the budget says, and
/// a layer whose experts score high keeps more of them.
///
/// First every layer gets what it cannot do without: as many experts as a token uses, at least one,
/// and all guarded ones. What is left goes to the highest scores wherever they are; ties go to the
/// lower layer, and in a layer to the lower index. Where the router chooses by groups of experts, a
/// layer gets one expert for each group at a time, by the mean of their scores.
final class GlobalThreshold {
  private GlobalThreshold() {}

  /// A layer that may keep one more expert, or one more of each group.
  private record Offer(LayerRanking ranking, int stay, double score) {}

  /// How many experts each layer keeps.
  ///
  /// @param total experts that stay in all layers together
  /// @param topK experts that a token uses
  static SortedMap<Integer, Integer> counts(List<LayerRanking> rankings, int total, int topK) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    rankings.forEach(ranking -> counts.put(ranking.layer(), ranking.fewest(topK)));
    int left = total - counts.values().stream().mapToInt(Integer::intValue).sum();
    Checks.require(
        left >= 0,
        "allocation: global: %d experts would stay in all layers, but they need %d: each as many as"
            + " a token uses, and all that are protected. Keep more, or protect fewer.",
        total,
        total - left);
    PriorityQueue<Offer> offers =
        new PriorityQueue<>(
            Comparator.comparingDouble((Offer offer) -> -offer.score())
                .thenComparingInt(offer -> offer.ranking().layer()));
    rankings.forEach(ranking -> offer(ranking, counts, offers));
    while (!offers.isEmpty() && left >= offers.element().ranking().groups().count()) {
      LayerRanking best = offers.remove().ranking();
      int more = best.groups().count();
      counts.merge(best.layer(), more, Integer::sum);
      left -= more;
      offer(best, counts, offers);
    }
    return counts;
  }

  private static void offer(
      LayerRanking ranking, SortedMap<Integer, Integer> counts, PriorityQueue<Offer> offers) {
    int stay = counts.getOrDefault(ranking.layer(), 0);
    if (stay < ranking.scores().size()) {
      offers.add(new Offer(ranking, stay, ranking.next(stay)));
    }
  }
}
