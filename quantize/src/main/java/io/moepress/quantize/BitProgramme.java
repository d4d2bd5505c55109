package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitAllocation.Choice;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Spends bits where they save most: the smallest sum of costs within a budget. What it costs when
/// weights share a width is the sum of what it costs each.
///
/// The choice is exact, and the same for equal inputs; see [WidthChoice] for ties. Where experts of
/// a layer may not differ, no widths have to be present.
final class BitProgramme {
  /// What a product of float64 is uncertain by: a budget is not missed for it.
  private static final double TOLERANCE = 1e-9;

  private final BitCosts costs;
  private final BitLimits limits;
  private final int[] widths;
  private final int[] options;
  private double bound;
  private double bitsLost;

  private BitProgramme(BitCosts costs, BitLimits limits) {
    this.costs = costs;
    this.limits = limits;
    this.widths = costs.widths().stream().mapToInt(Integer::intValue).toArray();
    this.options = new int[costs.items().size()];
  }

  /// Solves it.
  ///
  /// @throws IllegalArgumentException when there are too few bits
  static BitAllocation solve(BitCosts costs, BitLimits limits) {
    BitProgramme programme = new BitProgramme(costs, limits);
    programme.requireKnown();
    double average = limits.budget().bitsPerWeight(weights(costs.items()));
    programme.scopes().forEach((name, items) -> programme.solve(name, items, average));
    return programme.allocation();
  }

  private static long weights(List<Item> items) {
    return items.stream().mapToLong(Item::weights).reduce(0, Math::addExact);
  }

  private void requireKnown() {
    limits
        .guarded()
        .forEach(id ->
            Checks.require(
                costs.items().stream().anyMatch(item -> item.id().equals(id)),
                "expert %s is to keep most bits, but has none to be given (expected an expert of"
                    + " the model)",
                id));
  }

  /// The items that share a budget, by index.
  private Map<String, List<Integer>> scopes() {
    // A layer whose experts share one width has nothing to choose by itself.
    boolean byLayer = limits.scope() == BitScope.LAYER && limits.granularity().tellsExpertsApart();
    Map<String, List<Integer>> scopes = new LinkedHashMap<>();
    for (int i = 0; i < options.length; i++) {
      String name = byLayer ? "layer " + costs.items().get(i).layer() : "the model";
      scopes.computeIfAbsent(name, _ -> new ArrayList<>()).add(i);
    }
    return scopes;
  }

  private void solve(String name, List<Integer> items, double average) {
    List<WidthGroup> groups = groups(items);
    Presence presence = presence();
    long weights = groups.stream().mapToLong(WidthGroup::weights).reduce(0, Math::addExact);
    double most = Math.min(average, widths[widths.length - 1]) * weights;
    long capacity = (long) Math.floor(most + TOLERANCE * Math.max(1, most));
    requireEnough(name, groups, presence, capacity);
    int[] best = new WidthChoice(groups, widths, presence, capacity).best();
    for (int group = 0; group < best.length; group++) {
      for (int item : groups.get(group).members()) {
        options[item] = best[group];
      }
    }
    judge(items, groups, best, capacity);
  }

  private Presence presence() {
    SortedSet<Integer> present = new TreeSet<>();
    if (limits.granularity().tellsExpertsApart()) {
      costs.present().forEach(width -> present.add(costs.widths().indexOf(width)));
    }
    return new Presence(present);
  }

  /// What items that share a width have in common, and with no others.
  private record Shared(int layer, int part, @Nullable Projection projection) {}

  /// What shares a width, in the order of the first items.
  private List<WidthGroup> groups(List<Integer> items) {
    Map<Shared, List<Integer>> members = new LinkedHashMap<>();
    for (int item : items) {
      members.computeIfAbsent(shared(item), _ -> new ArrayList<>()).add(item);
    }
    return members.values().stream().map(this::group).toList();
  }

  private Shared shared(int index) {
    Item item = costs.items().get(index);
    return switch (limits.granularity()) {
      case MATRIX -> new Shared(item.layer(), index, null);
      case EXPERT -> new Shared(item.layer(), item.expert(), null);
      case PROJECTION -> new Shared(item.layer(), 0, item.projection());
      case LAYER -> new Shared(item.layer(), 0, null);
      case MODEL -> new Shared(0, 0, null);
    };
  }

  private WidthGroup group(List<Integer> members) {
    long weights = 0;
    double[] sums = new double[widths.length];
    boolean isGuarded = false;
    for (int member : members) {
      Item item = costs.items().get(member);
      weights = Math.addExact(weights, item.weights());
      for (int option = 0; option < sums.length; option++) {
        sums[option] += item.costs().get(option);
      }
      isGuarded |= limits.guarded().contains(item.id());
    }
    int layer = costs.items().get(members.getFirst()).layer();
    int[] indices = members.stream().mapToInt(Integer::intValue).toArray();
    return new WidthGroup(layer, indices, weights, sums, isGuarded);
  }

  private void requireEnough(
      String name, List<WidthGroup> groups, Presence presence, long capacity) {
    int[] cheapest = presence.cheapest(groups);
    Checks.require(
        cheapest != null,
        "%s: fewer experts than widths that have to be present, %s. Demand fewer.",
        name,
        costs.present());
    long least = new ConvexRelaxation(groups, widths, Objects.requireNonNull(cheapest)).least();
    long weights = groups.stream().mapToLong(WidthGroup::weights).reduce(0, Math::addExact);
    long guarded = groups.stream().filter(WidthGroup::isGuarded).count();
    Checks.require(
        least <= capacity,
        "%s: %s are %.4g bits for each weight (expected at least %.4g, with widths of %s%s%s). Give"
            + " more bits, or allow smaller widths.",
        name,
        limits.budget(),
        (double) capacity / weights,
        (double) least / weights,
        costs.widths(),
        presence.options().isEmpty() ? "" : ", present " + costs.present(),
        guarded == 0 ? "" : ", guarded at the largest " + guarded + " of " + groups.size());
  }

  /// Compares with items that choose freely.
  private void judge(List<Integer> items, List<WidthGroup> groups, int[] best, long capacity) {
    List<WidthGroup> single = new ArrayList<>();
    for (int index : items) {
      Item item = costs.items().get(index);
      double[] own = item.costs().stream().mapToDouble(Double::doubleValue).toArray();
      single.add(new WidthGroup(item.layer(), new int[] {index}, item.weights(), own, false));
    }
    ConvexRelaxation free = new ConvexRelaxation(single, widths);
    double objective = 0;
    for (int index : items) {
      objective += costs.items().get(index).costs().get(options[index]);
    }
    bound += Math.min(objective, free.bound(capacity));
    long spent = new ConvexRelaxation(groups, widths).bits(best);
    bitsLost += Math.max(0, spent - free.bitsFor(objective));
  }

  private BitAllocation allocation() {
    List<Choice> choices = new ArrayList<>();
    double objective = 0;
    double bits = 0;
    for (int i = 0; i < options.length; i++) {
      Item item = costs.items().get(i);
      double cost = item.costs().get(options[i]);
      choices.add(new Choice(item, widths[options[i]], cost));
      objective += cost;
      bits += (double) item.weights() * widths[options[i]];
    }
    long weights = weights(costs.items());
    return new BitAllocation(
        choices,
        objective,
        Math.min(bound, objective),
        bits / weights,
        bitsLost / weights,
        costs.notes());
  }
}
