package io.moepress.cli.report;

import java.util.List;

/// Numbers as people list them.
final class Ranges {
  private Ranges() {}

  /// Consecutive numbers as ranges: `0–3 7 9–10`.
  static String text(List<Integer> ascending) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ascending.size(); ) {
      int end = i;
      while (end + 1 < ascending.size() && ascending.get(end + 1) == ascending.get(end) + 1) {
        end++;
      }
      text.append(i == 0 ? "" : " ").append(ascending.get(i));
      text.append(end == i ? "" : "–" + ascending.get(end));
      i = end + 1;
    }
    return text.toString();
  }
}
