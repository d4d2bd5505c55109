package io.moepress.quantize;

import io.moepress.quantize.Presence.Demand;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The best choice of widths for groups that share a budget.
///
/// First the [ConvexRelaxation], with demands met one after the other where they are not met by
/// themselves. That gives a choice, and a bound. Where they are equal the choice is proven best.
/// Otherwise an option can be left out that alone would make up the difference between the two, and
/// a [WidthTable] decides between what few are left, or the [IntegerProgramme] where sizes have so
/// little in common that the table would be too large: so it takes moments for thousands of
/// experts, and is as exact as without.
///
/// Equal inputs give equal widths. No group has more bits than it needs for its cost. Of groups of
/// a layer with equal costs and sizes, the later have more bits.
final class WidthChoice {
  /// Of an objective: what float64 sums are uncertain by.
  private static final double TOLERANCE = 1e-9;

  /// As many are tried to find a good choice before the best is looked for.
  private static final int MOST_DETOURS = 256;

  private final List<WidthGroup> groups;
  private final int[] widths;
  private final Presence presence;
  private final long capacity;
  private final ConvexRelaxation relaxation;

  /// Prepares.
  ///
  /// @param capacity bits; enough for some choice that meets all demands
  WidthChoice(List<WidthGroup> groups, int[] widths, Presence presence, long capacity) {
    this.groups = groups;
    this.widths = widths;
    this.presence = presence;
    this.relaxation = new ConvexRelaxation(groups, widths);
    this.capacity = wholeUnits(capacity);
  }

  /// The largest number of bits up to this that a choice can have: all differences are multiples of
  /// one number.
  private long wholeUnits(long bits) {
    long unit = 0;
    for (WidthGroup group : groups) {
      for (int option = group.first() + 1; option < widths.length; option++) {
        long size = group.weights() * (widths[option] - widths[group.first()]);
        unit = IntegerProgramme.divisor(unit, size);
      }
    }
    long least = relaxation.least();
    return unit == 0 ? least : least + Math.floorDiv(bits - least, unit) * unit;
  }

  /// The options of the groups.
  int[] best() {
    int[] choice = met();
    double rate = relaxation.walk(capacity).rate();
    Map<Demand, Double> extra = extra(rate);
    double lower = relaxation.bound(capacity) + sum(extra);
    if (choice == null || relaxation.cost(choice) > lower) {
      choice = better(choice, lower, extra);
    }
    return settled(choice);
  }

  /// A good choice that meets all demands; null where none was found this way.
  private int @Nullable [] met() {
    int[] fixed = ConvexRelaxation.none(groups.size());
    for (int tries = 0; tries <= presence.demands(groups).size(); tries++) {
      ConvexRelaxation bound = new ConvexRelaxation(groups, widths, fixed);
      if (bound.least() > capacity) {
        return null;
      }
      int[] choice = bound.greedy(capacity);
      List<Demand> unmet = presence.unmet(groups, choice);
      if (unmet.isEmpty()) {
        return refined(choice, fixed, bound);
      }
      double rate = bound.walk(capacity).rate();
      for (Demand demand : unmet) {
        fix(demand, fixed, rate);
      }
    }
    return null;
  }

  /// An option of a group, and what it costs beyond the group's best.
  private record Detour(int group, int option, double loss) {}

  /// A choice that is better where one group takes another option than the walk would give it:
  /// where the walk ends between two widths, that mends it at little cost.
  ///
  /// @param fixed options that groups must have
  /// @param bound the walk with those
  private int[] refined(int[] choice, int[] fixed, ConvexRelaxation bound) {
    int[] best = choice;
    double lower = bound.bound(capacity);
    List<Detour> detours = detours(fixed, bound.walk(capacity).rate());
    for (Detour detour : detours.subList(0, Math.min(MOST_DETOURS, detours.size()))) {
      if (lower + detour.loss() >= relaxation.cost(best)) {
        return best; // and so are all behind it
      }
      int[] other = fixed.clone();
      other[detour.group()] = detour.option();
      ConvexRelaxation around = new ConvexRelaxation(groups, widths, other);
      if (around.least() <= capacity) {
        int[] found = around.greedy(capacity);
        boolean isBetter = relaxation.cost(found) < relaxation.cost(best);
        best = isBetter && presence.unmet(groups, found).isEmpty() ? found : best;
      }
    }
    return best;
  }

  /// The options of groups that have a choice, those that cost least first.
  private List<Detour> detours(int[] fixed, double rate) {
    List<Detour> detours = new ArrayList<>();
    for (int i = 0; i < fixed.length; i++) {
      for (int option = groups.get(i).first(); option < widths.length && fixed[i] < 0; option++) {
        detours.add(new Detour(i, option, reduced(groups.get(i), option, rate)));
      }
    }
    detours.sort(Comparator.comparingDouble(Detour::loss).thenComparingInt(Detour::group));
    return detours;
  }

  /// Gives an option to the group of a layer where that costs least, if bits cost `rate` each.
  private void fix(Demand demand, int[] fixed, double rate) {
    int best = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < fixed.length; i++) {
      WidthGroup group = groups.get(i);
      boolean fits =
          fixed[i] < 0 && group.layer() == demand.layer() && group.first() <= demand.option();
      double loss = fits ? reduced(group, demand.option(), rate) : Double.POSITIVE_INFINITY;
      if (loss <= least && fits) {
        best = i;
        least = loss;
      }
    }
    if (best >= 0) {
      fixed[best] = demand.option();
    }
  }

  /// What an option costs beyond the best one of its group, if bits cost `rate` each.
  private double reduced(WidthGroup group, int option, double rate) {
    double least = Double.POSITIVE_INFINITY;
    for (int other = group.first(); other < widths.length; other++) {
      least = Math.min(least, group.costs()[other] + rate * group.weights() * widths[other]);
    }
    return group.costs()[option] + rate * group.weights() * widths[option] - least;
  }

  /// What it takes at least to meet each demand, if bits cost `rate` each. No two are met by one
  /// group, so all of it adds to the bound.
  private Map<Demand, Double> extra(double rate) {
    Map<Demand, Double> extra = new LinkedHashMap<>();
    presence.demands(groups).forEach(demand -> extra.put(demand, Double.POSITIVE_INFINITY));
    for (WidthGroup group : groups) {
      for (int option = group.first(); option < widths.length; option++) {
        double loss = reduced(group, option, rate);
        Demand met = new Demand(group.layer(), option);
        extra.computeIfPresent(met, (demand, least) -> Math.min(least, loss));
      }
    }
    return extra;
  }

  private static double sum(Map<Demand, Double> extra) {
    double sum = 0;
    for (double each : extra.values()) {
      sum += each;
    }
    return sum;
  }

  /// The best of all choices, given the best one known.
  private int[] better(int @Nullable [] known, double lower, Map<Demand, Double> extra) {
    double upper = known == null ? Double.POSITIVE_INFINITY : relaxation.cost(known);
    double slack = upper - lower + TOLERANCE * upper;
    double rate = relaxation.walk(capacity).rate();
    boolean[][] open = new boolean[groups.size()][widths.length];
    for (int i = 0; i < open.length; i++) {
      for (int option = groups.get(i).first(); option < widths.length; option++) {
        Demand met = new Demand(groups.get(i).layer(), option);
        double loss = reduced(groups.get(i), option, rate) - extra.getOrDefault(met, 0.0);
        open[i][option] = loss <= slack;
      }
    }
    int[] found = among(open);
    if (found == null || !keepsTo(found)) {
      if (known == null) {
        throw new IllegalStateException("no widths found for " + groups.size() + " groups");
      }
      return known;
    }
    return relaxation.cost(found) < upper ? found : known == null ? found : known;
  }

  /// The best of the options that are open.
  private int @Nullable [] among(boolean[][] open) {
    WidthTable table = new WidthTable(groups, widths, open, presence);
    if (table.isSmall(capacity)) {
      return table.solve(capacity);
    }
    IntegerProgramme programme = new IntegerProgramme(groups, widths, open, capacity);
    presence.demands(groups).forEach(programme::demand);
    return programme.solve();
  }

  private boolean keepsTo(int[] options) {
    return relaxation.bits(options) <= capacity && presence.unmet(groups, options).isEmpty();
  }

  private int[] settled(int[] choice) {
    int[] settled = choice.clone();
    for (int i = 0; i < settled.length; i++) {
      lower(settled, i);
    }
    inOrder(settled);
    return settled;
  }

  /// Takes the bits from a group that do nothing for it.
  private void lower(int[] options, int group) {
    double[] costs = groups.get(group).costs();
    int own = options[group];
    for (int option = groups.get(group).first(); option < own; option++) {
      options[group] = option;
      if (costs[option] <= costs[own] && presence.unmet(groups, options).isEmpty()) {
        return;
      }
    }
    options[group] = own;
  }

  /// What tells groups of a layer apart.
  private record Kind(int layer, long weights, List<Double> costs, boolean isGuarded) {
    static Kind of(WidthGroup group) {
      return new Kind(
          group.layer(),
          group.weights(),
          Arrays.stream(group.costs()).boxed().toList(),
          group.isGuarded());
    }
  }

  /// Sorts the options of groups that nothing tells apart.
  private void inOrder(int[] options) {
    Map<Kind, List<Integer>> alike = new HashMap<>();
    for (int i = 0; i < options.length; i++) {
      alike.computeIfAbsent(Kind.of(groups.get(i)), _ -> new ArrayList<>()).add(i);
    }
    for (List<Integer> places : alike.values()) {
      int[] sorted = places.stream().mapToInt(i -> options[i]).sorted().toArray();
      for (int i = 0; i < sorted.length; i++) {
        options[places.get(i)] = sorted[i];
      }
    }
  }
}
