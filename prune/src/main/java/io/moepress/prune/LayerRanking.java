package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertGroups;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.stream.IntStream;

/// The experts of a layer in the order in which they stay: guarded ones first, then by score, the
/// highest first; ties keep the lower index. Where the router chooses by groups of experts this
/// holds within each group, and each keeps equally many.
///
/// @param layer decoder layer index
/// @param scores the score of every expert, `[E]`
/// @param guarded experts that stay whatever their scores say
/// @param groups the groups that experts stand in
record LayerRanking(
    int layer, List<Double> scores, SortedSet<Integer> guarded, ExpertGroups groups) {

  /// The experts that stay, ascending.
  ///
  /// @param count how many; a multiple of the number of groups
  List<Integer> highest(int count) {
    int stay = groups.size(count);
    List<Integer> kept = new ArrayList<>();
    for (int group = 0; group < groups.count(); group++) {
      requireRoom(members(group), stay);
      kept.addAll(ranked(group).subList(0, stay));
    }
    return kept.stream().sorted().toList();
  }

  /// The fewest that may stay.
  ///
  /// @param topK experts that a token uses
  int fewest(int topK) {
    int least = groups.count() == 1 ? Math.max(topK, 1) : groups.smallestSize(topK);
    for (int group = 0; group < groups.count(); group++) {
      least = Math.max(least, guardedOf(members(group)).size());
    }
    return groups.count() * least;
  }

  /// What the next expert of each group is worth, when so many experts stay already: the mean of
  /// their scores.
  double next(int stay) {
    int place = groups.size(stay);
    return IntStream.range(0, groups.count())
        .mapToDouble(group -> scores.get(ranked(group).get(place)))
        .average()
        .orElse(0);
  }

  private List<Integer> members(int group) {
    int size = groups.size(scores.size());
    return IntStream.range(group * size, (group + 1) * size).boxed().toList();
  }

  private List<Integer> ranked(int group) {
    return members(group).stream()
        .sorted(
            Comparator.comparing((Integer expert) -> !guarded.contains(expert))
                .thenComparingDouble(expert -> -scores.get(expert)))
        .toList();
  }

  private List<Integer> guardedOf(List<Integer> members) {
    return members.stream().filter(expert -> guarded.contains(expert)).toList();
  }

  private void requireRoom(List<Integer> members, int stay) {
    List<Integer> inGroup = guardedOf(members);
    Checks.require(
        inGroup.size() <= stay,
        "layer %d: %d experts are protected (%s), but only %d may stay of experts %d to %d. Keep"
            + " more, or protect fewer.",
        layer,
        inGroup.size(),
        inGroup,
        stay,
        members.getFirst(),
        members.getLast());
  }
}
