package io.moepress.quantize;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// The choice of widths where a group may also lie anywhere between two widths.
///
/// Of a group then only the lower convex hull of its points (bits, cost) matters. All groups begin
/// at their smallest width and go along their hulls, the step that saves most for each bit first,
/// until the next one does not fit; of that one the part that fits is taken. No choice of whole
/// widths is better. Where no part is left over it is a choice of whole widths, and the best one:
/// so it is where costs are convex, widths consecutive and groups of one size.
///
/// Of equal steps that of the later group is first.
final class ConvexRelaxation {
  private final List<WidthGroup> groups;
  private final int[] widths;
  private final int[] start;
  private final List<Step> steps = new ArrayList<>();

  /// From one option to another.
  ///
  /// @param bits that it takes
  /// @param rate what is saved for each of them, positive
  private record Step(int group, int from, int to, long bits, double rate) {}

  /// Where the walk ends.
  ///
  /// @param options of each group, before the step that does not fit
  /// @param left bits that are left
  /// @param rate of the step that does not fit; 0 where all do
  record Break(int[] options, long left, double rate) {}

  /// Prepares.
  ///
  /// @param fixed an option that a group must have, or -1
  ConvexRelaxation(List<WidthGroup> groups, int[] widths, int[] fixed) {
    this.groups = groups;
    this.widths = widths;
    this.start = new int[groups.size()];
    for (int group = 0; group < start.length; group++) {
      start[group] = fixed[group] >= 0 ? fixed[group] : groups.get(group).first();
      if (fixed[group] < 0) {
        addHull(group);
      }
    }
    steps.sort(
        Comparator.comparingDouble(Step::rate)
            .thenComparingInt(Step::group)
            .reversed()
            .thenComparingInt(Step::from));
  }

  /// Groups that are free to choose.
  ConvexRelaxation(List<WidthGroup> groups, int[] widths) {
    this(groups, widths, none(groups.size()));
  }

  static int[] none(int groups) {
    int[] fixed = new int[groups];
    Arrays.fill(fixed, -1);
    return fixed;
  }

  private void addHull(int index) {
    double[] costs = groups.get(index).costs();
    int from = start[index];
    while (from < costs.length - 1) {
      int best = from;
      double rate = 0;
      for (int to = from + 1; to < costs.length; to++) {
        double found = (costs[from] - costs[to]) / bits(index, from, to);
        if (found > rate) {
          best = to;
          rate = found;
        }
      }
      if (best == from) {
        return;
      }
      steps.add(new Step(index, from, best, bits(index, from, best), rate));
      from = best;
    }
  }

  private long bits(int group, int from, int to) {
    return groups.get(group).weights() * (widths[to] - widths[from]);
  }

  /// Bits of options together.
  long bits(int[] options) {
    long bits = 0;
    for (int group = 0; group < options.length; group++) {
      bits =
          Math.addExact(
              bits, Math.multiplyExact(groups.get(group).weights(), widths[options[group]]));
    }
    return bits;
  }

  /// Costs of options together.
  double cost(int[] options) {
    double cost = 0;
    for (int group = 0; group < options.length; group++) {
      cost += groups.get(group).costs()[options[group]];
    }
    return cost;
  }

  /// The fewest bits there can be.
  long least() {
    return bits(start);
  }

  /// Walks.
  ///
  /// @param capacity bits, at least [#least]
  Break walk(long capacity) {
    int[] options = start.clone();
    long left = capacity - least();
    for (Step step : steps) {
      if (step.bits() > left) {
        return new Break(options, left, step.rate());
      }
      options[step.group()] = step.to();
      left -= step.bits();
    }
    return new Break(options, left, 0);
  }

  /// No choice of widths within the capacity has a smaller cost.
  double bound(long capacity) {
    Break end = walk(capacity);
    return cost(end.options()) - end.rate() * end.left();
  }

  /// Walks, and goes on with the steps that fit behind the one that does not: whole widths.
  int[] greedy(long capacity) {
    int[] options = start.clone();
    long left = capacity - least();
    for (Step step : steps) {
      if (step.bits() <= left && options[step.group()] == step.from()) {
        options[step.group()] = step.to();
        left -= step.bits();
      }
    }
    return options;
  }

  /// The bits at which the relaxation costs no more than this.
  double bitsFor(double objective) {
    double bits = least();
    double cost = cost(start);
    for (Step step : steps) {
      double saved = step.rate() * step.bits();
      if (cost - saved <= objective) {
        return bits + Math.max(0, cost - objective) / step.rate();
      }
      bits += step.bits();
      cost -= saved;
    }
    return bits;
  }
}
