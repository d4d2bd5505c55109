package io.moepress.cli;

import io.moepress.formats.Checks;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Ascending whole numbers as people say them.
final class Counts {
  private static final int MOST_LISTED = 12;

  private Counts() {}

  /// `2 to 32`, `4 to 32 by 4`, or a list.
  static String text(List<Integer> counts) {
    int size = counts.size();
    if (size > 3 && isEven(counts)) {
      int step = counts.get(1) - counts.get(0);
      return Checks.text("%d to %d", counts.getFirst(), counts.getLast())
          + (step == 1 ? "" : " by " + step);
    }
    if (size <= MOST_LISTED) {
      return size == 0 ? "none" : listed(counts);
    }
    return listed(counts.subList(0, MOST_LISTED - 1)) + ", ... " + counts.getLast();
  }

  /// Whether the steps between neighbours are all the same.
  private static boolean isEven(List<Integer> counts) {
    int step = counts.get(1) - counts.get(0);
    return IntStream.range(1, counts.size())
        .allMatch(i -> counts.get(i) - counts.get(i - 1) == step);
  }

  private static String listed(List<Integer> counts) {
    return counts.stream().map(count -> "" + count).collect(Collectors.joining(", "));
  }
}
