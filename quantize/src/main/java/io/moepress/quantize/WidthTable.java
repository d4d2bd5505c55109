package io.moepress.quantize;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The choice of widths by dynamic programming, where sizes are multiples of one number, as those
/// of experts are. It finds what the [IntegerProgramme] finds, in moments where branch and bound
/// takes minutes.
///
/// The state is the bits spent so far, counted in that number from the fewest there can be, and
/// which of the demanded options the layer at hand already has. Of equal sums that with the fewest
/// bits is chosen.
final class WidthTable {
  /// Entries of a table, of two bytes each.
  private static final long MOST_ENTRIES = 64L << 20;

  private final List<WidthGroup> groups;
  private final int[] widths;
  private final boolean[][] open;
  private final int[] demanded;
  private final long unit;
  private final long base;

  /// Prepares.
  ///
  /// @param open which options each group has, at least one
  WidthTable(List<WidthGroup> groups, int[] widths, boolean[][] open, Presence presence) {
    this.groups = groups;
    this.widths = widths;
    this.open = open;
    this.demanded = presence.options().stream().mapToInt(Integer::intValue).toArray();
    long divisor = 0;
    long least = 0;
    for (int i = 0; i < open.length; i++) {
      long weights = groups.get(i).weights();
      least += weights * widths[first(i)];
      for (int option = 0; option < widths.length; option++) {
        long more = weights * (widths[option] - widths[first(i)]);
        divisor = open[i][option] ? IntegerProgramme.divisor(divisor, more) : divisor;
      }
    }
    this.unit = Math.max(1, divisor);
    this.base = least;
  }

  private int first(int group) {
    int option = 0;
    while (!open[group][option]) {
      option++;
    }
    return option;
  }

  private int last(int group) {
    int option = widths.length - 1;
    while (!open[group][option]) {
      option--;
    }
    return option;
  }

  /// What an option takes beyond the group's first, in units.
  private long units(int group, int option) {
    return groups.get(group).weights() * (widths[option] - widths[first(group)]) / unit;
  }

  /// Units that there are to spend, and that can be spent.
  private long spendable(long capacity) {
    long all = 0;
    for (int i = 0; i < open.length; i++) {
      all += units(i, last(i));
    }
    return Math.min(all, Math.floorDiv(capacity - base, unit));
  }

  private int masks() {
    return 1 << demanded.length;
  }

  /// Whether a table of them is of a size that can be held.
  boolean isSmall(long capacity) {
    return (spendable(capacity) + 1) * masks() <= MOST_ENTRIES / Math.max(1, choosing().length);
  }

  /// The groups with a choice, layer by layer.
  private int[] choosing() {
    return IntStream.range(0, groups.size())
        .filter(i -> first(i) < last(i))
        .boxed()
        .sorted(Comparator.comparingInt(i -> groups.get(i).layer()))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /// What the groups of each layer that have no choice have.
  private Map<Integer, Integer> settled() {
    Map<Integer, Integer> masks = new HashMap<>();
    for (int i = 0; i < open.length; i++) {
      int own = first(i) == last(i) ? met(first(i)) : 0;
      masks.merge(groups.get(i).layer(), own, (a, b) -> a | b);
    }
    return masks;
  }

  /// The options of the groups; null where none keep to the capacity and meet all demands.
  int @Nullable [] solve(long capacity) {
    int[] order = choosing();
    Map<Integer, Integer> settled = settled();
    if (capacity < base || isHopeless(order, settled)) {
      return null;
    }
    int states = Math.toIntExact((spendable(capacity) + 1) * masks());
    short[][] cameBy = new short[order.length][states];
    double[] best = new double[states];
    Arrays.fill(best, Double.POSITIVE_INFINITY);
    best[0] = 0;
    for (int place = 0; place < order.length; place++) {
      int layer = groups.get(order[place]).layer();
      if (place == 0 || groups.get(order[place - 1]).layer() != layer) {
        openLayer(best, settled.getOrDefault(layer, 0));
      }
      best = next(order[place], best, cameBy[place]);
      if (isLast(order, place)) {
        closeLayer(best);
      }
    }
    return back(order, best, cameBy);
  }

  /// Whether a layer without any choice does not meet its demands.
  private boolean isHopeless(int[] order, Map<Integer, Integer> settled) {
    Set<Integer> open = new HashSet<>();
    Arrays.stream(order).forEach(group -> open.add(groups.get(group).layer()));
    return settled.entrySet().stream()
        .anyMatch(layer -> !open.contains(layer.getKey()) && layer.getValue() != masks() - 1);
  }

  /// Whether the next group is of another layer, or there is none.
  private boolean isLast(int[] order, int place) {
    return place == order.length - 1
        || groups.get(order[place]).layer() != groups.get(order[place + 1]).layer();
  }

  /// Begins with what the groups without a choice have.
  private void openLayer(double[] best, int mask) {
    for (int state = 0; state < best.length && mask != 0; state += masks()) {
      best[state + mask] = best[state];
      best[state] = Double.POSITIVE_INFINITY;
    }
  }

  /// Lets go of what does not meet the demands of a layer.
  private void closeLayer(double[] best) {
    int masks = masks();
    for (int state = 0; state < best.length; state += masks) {
      best[state] = best[state + masks - 1];
      Arrays.fill(best, state + 1, state + masks, Double.POSITIVE_INFINITY);
    }
  }

  private double[] next(int group, double[] best, short[] cameBy) {
    double[] next = new double[best.length];
    Arrays.fill(next, Double.POSITIVE_INFINITY);
    int masks = masks();
    for (int option = first(group); option < widths.length; option++) {
      long step = open[group][option] ? units(group, option) * masks : best.length;
      int met = met(option);
      double cost = groups.get(group).costs()[option];
      for (int state = 0; state + step < best.length; state++) {
        int mask = state % masks;
        int target = (int) (state - mask + step) + (mask | met);
        if (best[state] + cost < next[target]) {
          next[target] = best[state] + cost;
          cameBy[target] = (short) (option << Byte.SIZE | mask);
        }
      }
    }
    return next;
  }

  private int met(int option) {
    int place = Arrays.binarySearch(demanded, option);
    return place < 0 ? 0 : 1 << place;
  }

  private int @Nullable [] back(int[] order, double[] best, short[][] cameBy) {
    int masks = masks();
    int state = 0;
    for (int other = 0; other < best.length; other += masks) {
      state = best[other] < best[state] ? other : state;
    }
    if (Double.isInfinite(best[state])) {
      return null;
    }
    int[] options = IntStream.range(0, open.length).map(this::first).toArray();
    int spent = state / masks;
    int mask = masks - 1;
    for (int place = order.length - 1; place >= 0; place--) {
      mask = isLast(order, place) ? masks - 1 : mask;
      int came = cameBy[place][spent * masks + mask];
      int group = order[place];
      options[group] = came >> Byte.SIZE;
      spent -= (int) units(group, options[group]);
      mask = came & 0xff;
    }
    return options;
  }
}
