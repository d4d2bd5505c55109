package io.moepress.recipes.recipe;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What is best within a size.
public enum FitBy {
  /// The largest mix of llama-quantize that fits.
  MIX,
  /// A type for each matrix, by measured errors.
  ERROR,
  /// Types of experts by what MC-MoE says that bits cost; all else as in [#MIX].
  MC_MOE,
  /// Types of experts by what AlphaQ says that bits cost; all else as in [#MIX].
  ALPHAQ;

  /// As in a recipe: `mc-moe`.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The one with this label.
  public static Optional<FitBy> named(String label) {
    return Arrays.stream(values()).filter(each -> each.label().equals(label)).findFirst();
  }

  /// All labels, the default first.
  public static List<String> labels() {
    return Arrays.stream(values()).map(FitBy::label).toList();
  }
}
