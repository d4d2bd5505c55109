package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ModelLayout;
import java.util.SortedMap;

/// How many experts stay.
public sealed interface Budget permits Budget.OfLayer, KeepCounts {

  /// The number of experts that stay in each layer that has them, by layer; at least 1, at most
  /// those that are there.
  ///
  /// @throws IllegalArgumentException if a layer has fewer experts than the budget wants to keep
  SortedMap<Integer, Integer> counts(ModelLayout layout);

  /// A budget that looks at one layer at a time.
  sealed interface OfLayer extends Budget permits KeepRatio, KeepCount {

    /// The number of experts that stay in a layer of `experts`.
    int kept(int experts);

    @Override
    default SortedMap<Integer, Integer> counts(ModelLayout layout) {
      SortedMap<Integer, Integer> counts = layout.expertCounts();
      counts.replaceAll((layer, experts) -> kept(experts));
      return counts;
    }
  }
}
