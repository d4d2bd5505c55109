package io.moepress.quantize;

import io.moepress.formats.Checks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/// Spends bytes where they save most: one option for each of some things, such as the type of a
/// tensor, with the smallest sum of costs within a budget. The choice is exact, see [WidthChoice].
public final class SizeProgramme {
  /// What an option that there is not costs, in all options together: never chosen.
  private static final double FORBIDDEN = 1e3;

  private SizeProgramme() {}

  /// Something that takes one of several options.
  ///
  /// @param units how much there is of it, positive
  /// @param sizes what a unit takes in each option; not all equal in different things
  /// @param costs of each option, finite and not negative
  public record Thing(long units, List<Integer> sizes, List<Double> costs) {
    public Thing {
      sizes = List.copyOf(sizes);
      costs = List.copyOf(costs);
      Checks.require(
          units > 0 && !sizes.isEmpty() && sizes.size() == costs.size(),
          "%d units, %d sizes, %d costs",
          units,
          sizes.size(),
          costs.size());
    }
  }

  /// The option of each thing.
  ///
  /// @param capacity of all units together
  /// @throws IllegalArgumentException when not even the smallest options fit
  public static List<Integer> best(List<Thing> things, long capacity) {
    long least = 0;
    double all = 1;
    TreeSet<Integer> known = new TreeSet<>();
    for (Thing thing : things) {
      int smallest = thing.sizes().stream().mapToInt(Integer::intValue).min().orElseThrow();
      least = Math.addExact(least, Math.multiplyExact(thing.units(), smallest));
      all += thing.costs().stream().mapToDouble(Double::doubleValue).sum();
      known.addAll(thing.sizes());
    }
    Checks.require(
        least <= capacity, "%d of %d (expected at least %d)", capacity, things.size(), least);
    int[] sizes = known.stream().mapToInt(Integer::intValue).toArray();
    List<WidthGroup> groups = new ArrayList<>();
    for (int i = 0; i < things.size(); i++) {
      double[] costs = costs(things.get(i), sizes, FORBIDDEN * all);
      groups.add(new WidthGroup(0, new int[] {i}, things.get(i).units(), costs, false));
    }
    Presence anything = new Presence(new TreeSet<>());
    int[] chosen = new WidthChoice(groups, sizes, anything, capacity).best();
    List<Integer> options = new ArrayList<>();
    for (int i = 0; i < chosen.length; i++) {
      options.add(option(things.get(i), sizes[chosen[i]]));
    }
    return options;
  }

  private static double[] costs(Thing thing, int[] sizes, double forbidden) {
    double[] costs = new double[sizes.length];
    Arrays.fill(costs, forbidden);
    for (int i = 0; i < sizes.length; i++) {
      int option = option(thing, sizes[i]);
      costs[i] = option < 0 ? forbidden : thing.costs().get(option);
    }
    return costs;
  }

  /// Of options of one size the cheapest one; -1 where there is none.
  private static int option(Thing thing, int size) {
    int best = -1;
    for (int option = 0; option < thing.sizes().size(); option++) {
      boolean better = best < 0 || thing.costs().get(option) < thing.costs().get(best);
      best = thing.sizes().get(option) == size && better ? option : best;
    }
    return best;
  }
}
