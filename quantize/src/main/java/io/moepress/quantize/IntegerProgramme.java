package io.moepress.quantize;

import io.moepress.quantize.Presence.Demand;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.ojalgo.optimisation.Expression;
import org.ojalgo.optimisation.ExpressionsBasedModel;
import org.ojalgo.optimisation.Variable;
import org.ojalgo.optimisation.integer.IntegerStrategy;

/// The choice of widths as an integer programme: a variable of 0 or 1 for each group and option
/// that is open. Groups with one option that is open have no variables.
///
/// ```
/// min Σ_i Σ_b c_ib x_ib    Σ_b x_ib = 1    Σ_i Σ_b s_ib x_ib ≤ B    Σ_i∈layer x_ib ≥ 1 where demanded
/// ```
///
/// In one thread, so that equal inputs take the same way.
final class IntegerProgramme {
  /// Costs are scaled to this: what is far smaller is below the tolerance of the solver.
  private static final double LARGEST_COST = 1000;

  private final List<WidthGroup> groups;
  private final boolean[][] open;
  private final @Nullable Variable[][] variables;
  private final ExpressionsBasedModel model = new ExpressionsBasedModel();

  /// Prepares.
  ///
  /// @param widths bits of each option
  /// @param open which options each group has, at least one
  /// @param capacity bits
  IntegerProgramme(List<WidthGroup> groups, int[] widths, boolean[][] open, long capacity) {
    this.groups = groups;
    this.open = open;
    this.variables = new Variable[groups.size()][widths.length];
    model.options.integer(IntegerStrategy.DEFAULT.withParallelism(() -> 1));
    double scale = LARGEST_COST / largestSpread();
    long unit = unit();
    Expression budget = model.newExpression("bits");
    long left = capacity;
    for (int i = 0; i < groups.size(); i++) {
      left -= groups.get(i).weights() * widths[first(i)];
      if (!isFixed(i)) {
        add(i, scale, budget, widths, unit);
      }
    }
    budget.upper(Math.floorDiv(left, unit));
  }

  /// Adds the variables of a group.
  ///
  /// @param budget counts units beyond the first option that is open
  private void add(int index, double scale, Expression budget, int[] widths, long unit) {
    WidthGroup group = groups.get(index);
    int first = first(index);
    Expression one = model.newExpression("one of " + index).level(1);
    for (int option = first; option < widths.length; option++) {
      if (open[index][option]) {
        Variable variable = model.newVariable(index + " at " + option).binary();
        variables[index][option] = variable;
        variable.weight(scale * (group.costs()[option] - smallest(index)));
        one.set(variable, 1);
        budget.set(variable, group.weights() * (widths[option] - widths[first]) / unit);
      }
    }
  }

  /// Demands that some group of a layer has an option.
  void demand(Demand demand) {
    List<Variable> candidates = new ArrayList<>();
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).layer() == demand.layer() && open[i][demand.option()]) {
        Variable variable = variables[i][demand.option()];
        if (variable == null) {
          return; // met by a group without a choice
        }
        candidates.add(variable);
      }
    }
    String name = demand.layer() + " has " + demand.option();
    Expression present = model.newExpression(name).lower(1);
    candidates.forEach(variable -> present.set(variable, 1));
  }

  /// Solves it; null where that did not work out.
  int @Nullable [] solve() {
    boolean isOpen = IntStream.range(0, groups.size()).anyMatch(i -> !isFixed(i));
    if (isOpen && !model.minimise().getState().isFeasible()) {
      return null;
    }
    return IntStream.range(0, groups.size()).map(this::chosen).toArray();
  }

  private int chosen(int group) {
    int best = first(group);
    double largest = -1;
    for (int option = best; option < variables[group].length; option++) {
      Variable variable = variables[group][option];
      double value = variable == null ? -1 : variable.getValue().doubleValue();
      if (value > largest) {
        best = option;
        largest = value;
      }
    }
    return best;
  }

  private boolean isFixed(int group) {
    int count = 0;
    for (boolean option : open[group]) {
      count += option ? 1 : 0;
    }
    return count == 1;
  }

  /// The first option that is open.
  private int first(int group) {
    int option = 0;
    while (!open[group][option]) {
      option++;
    }
    return option;
  }

  private double smallest(int group) {
    double smallest = Double.POSITIVE_INFINITY;
    for (int option = 0; option < open[group].length; option++) {
      if (open[group][option]) {
        smallest = Math.min(smallest, groups.get(group).costs()[option]);
      }
    }
    return smallest;
  }

  private double largestSpread() {
    double largest = 0;
    for (int i = 0; i < groups.size(); i++) {
      for (int option = 0; option < open[i].length; option++) {
        if (open[i][option]) {
          largest = Math.max(largest, groups.get(i).costs()[option] - smallest(i));
        }
      }
    }
    return largest == 0 ? 1 : largest;
  }

  /// What the sizes of all groups with a choice are multiples of.
  private long unit() {
    long unit = 0;
    for (int i = 0; i < groups.size(); i++) {
      unit = isFixed(i) ? unit : divisor(unit, groups.get(i).weights());
    }
    return Math.max(1, unit);
  }

  /// The greatest common divisor.
  static long divisor(long a, long b) {
    long large = a;
    long small = b;
    while (small != 0) {
      long rest = large % small;
      large = small;
      small = rest;
    }
    return large;
  }
}
