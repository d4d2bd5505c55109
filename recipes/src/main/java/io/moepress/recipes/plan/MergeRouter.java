package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Where the router row of a merged expert, and its selection bias, come from.
public enum MergeRouter {
  /// From the member that most tokens chose; ties keep the lower index.
  DOMINANT,
  /// The mean of the members' rows.
  MEAN,
  /// The mean of the members' rows, each weighted by how many tokens chose it; the plain mean where
  /// no token chose any.
  FREQUENCY_MEAN,
  /// All rows stay, and those of the members all lead to the merged expert: a token that chose two
  /// of them gets it with both weights. What the members have in common is kept exactly, but the
  /// configuration needs a map from rows to experts, which no stock runtime reads.
  MAP;

  /// Whether all rows stay.
  public boolean keepsRows() {
    return this == MAP;
  }

  /// The name in recipes.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The mode with this [#label()].
  public static Optional<MergeRouter> named(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(MergeRouter::label).toList();
  }
}
