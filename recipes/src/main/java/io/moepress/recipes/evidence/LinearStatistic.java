package io.moepress.recipes.evidence;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// A quantity gathered of what the linear maps of a layer read, in layers with and without experts,
/// for every vector that all tokens have ([io.moepress.formats.architecture.LinearInput]). What
/// routed experts read is a [Statistic].
///
/// Sums over all tokens and domains, so that evidence of two corpora adds up.
public enum LinearStatistic {
  /// Second moments, `[1, in]`.
  LINEAR_INPUT_SQUARE_SUM("[1, in]", "Σ_{x ∈ T} x_i²");

  private final String shape;
  private final String formula;

  LinearStatistic(String shape, String formula) {
    this.shape = shape;
    this.formula = formula;
  }

  /// The shape as text.
  public String shape() {
    return shape;
  }

  /// The value for element `i`.
  public String formula() {
    return formula;
  }

  /// Number of rows where the vector has so many elements.
  int rows(int width) {
    return switch (this) {
      case LINEAR_INPUT_SQUARE_SUM -> 1;
    };
  }

  /// Its name in files and options.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The statistic with this label.
  public static Optional<LinearStatistic> named(String label) {
    return Arrays.stream(values()).filter(statistic -> statistic.label().equals(label)).findFirst();
  }

  /// The labels, in the order of the constants.
  public static List<String> labels(Set<LinearStatistic> statistics) {
    return statistics.stream().sorted().map(LinearStatistic::label).toList();
  }

  static Set<LinearStatistic> copyOf(Set<LinearStatistic> statistics) {
    EnumSet<LinearStatistic> copy = EnumSet.noneOf(LinearStatistic.class);
    copy.addAll(statistics);
    return copy;
  }
}
