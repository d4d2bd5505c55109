package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/// How many experts a method has to keep.
public sealed interface Allocation {

  /// The number of experts that stay in all layers together.
  int total();

  /// So many of each layer.
  ///
  /// @param counts number of experts that stay, by layer
  record EachLayer(SortedMap<Integer, Integer> counts) implements Allocation {
    public EachLayer {
      counts = Collections.unmodifiableSortedMap(new TreeMap<>(counts));
    }

    @Override
    public int total() {
      return counts.values().stream().mapToInt(Integer::intValue).sum();
    }
  }

  /// So many of all layers together; the method decides how many of each. At least as many as a
  /// token uses stay in every layer, and all guarded experts.
  ///
  /// @param total at least 1
  record Global(int total) implements Allocation {
    public Global {
      Checks.require(total > 0, "%d experts in all layers (expected at least 1)", total);
    }
  }
}
