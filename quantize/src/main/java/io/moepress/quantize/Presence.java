package io.moepress.quantize;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Options that some group of every layer has to have.
///
/// @param options by index
record Presence(SortedSet<Integer> options) {

  /// One of them, in one layer.
  record Demand(int layer, int option) {}

  /// All there are for these groups: by layer, the largest option first.
  List<Demand> demands(List<WidthGroup> groups) {
    SortedSet<Integer> layers = new TreeSet<>();
    groups.forEach(group -> layers.add(group.layer()));
    List<Demand> demands = new ArrayList<>();
    for (int layer : layers) {
      for (int option : new TreeSet<>(options).descendingSet()) {
        demands.add(new Demand(layer, option));
      }
    }
    return demands;
  }

  /// Those that a choice does not meet.
  List<Demand> unmet(List<WidthGroup> groups, int[] chosen) {
    List<Demand> unmet = demands(groups);
    for (int group = 0; group < chosen.length && !unmet.isEmpty(); group++) {
      unmet.remove(new Demand(groups.get(group).layer(), chosen[group]));
    }
    return unmet;
  }

  /// A choice with the fewest bits, as options that groups have to have, or -1; null where a layer
  /// has fewer groups than there are options to be met.
  int @Nullable [] cheapest(List<WidthGroup> groups) {
    int[] fixed = ConvexRelaxation.none(groups.size());
    for (Demand demand : demands(groups)) {
      int best = -1;
      for (int i = 0; i < fixed.length; i++) {
        WidthGroup group = groups.get(i);
        boolean fits =
            fixed[i] < 0 && group.layer() == demand.layer() && group.first() <= demand.option();
        if (fits && (best < 0 || takesLess(group, groups.get(best), demand.option()))) {
          best = i;
        }
      }
      if (best < 0) {
        return null;
      }
      fixed[best] = demand.option();
    }
    return fixed;
  }

  /// Whether giving an option to one group takes fewer bits than giving it to another.
  private static boolean takesLess(WidthGroup one, WidthGroup other, int option) {
    int less = Integer.compare(option - one.first(), option - other.first());
    return less != 0 ? less < 0 : one.weights() < other.weights();
  }
}
