package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// What widths cost.
///
/// @param widths bits that a weight may have, ascending
/// @param items experts or their matrices, by layer, expert and projection
/// @param present widths that at least one expert of every layer has, where experts of a layer may
///   differ at all
/// @param notes what a reader of the plan should know of the numbers
public record BitCosts(
    List<Integer> widths, List<Item> items, SortedSet<Integer> present, List<String> notes) {

  public BitCosts {
    widths = List.copyOf(widths);
    items = List.copyOf(items);
    present = new TreeSet<>(present);
    notes = List.copyOf(notes);
    BitRequest.requireWidths(widths);
    Checks.require(!items.isEmpty(), "no experts to give bits to");
    Checks.require(
        widths.containsAll(present),
        "widths %s to be present (expected some of %s)",
        present,
        widths);
    for (Item item : items) {
      Checks.require(
          item.costs.size() == widths.size(),
          "%s: %d costs of %d widths",
          item,
          item.costs.size(),
          widths.size());
    }
  }

  /// Weights that get one width, and what each width costs them.
  ///
  /// @param layer decoder layer index
  /// @param expert routed expert
  /// @param projection which of the expert's matrices; null: all of them
  /// @param weights how many they are, positive
  /// @param costs for each of the widths, finite and not negative; costs of different items add
  public record Item(
      int layer, int expert, @Nullable Projection projection, long weights, List<Double> costs) {

    public Item {
      costs = List.copyOf(costs);
      Checks.require(weights > 0, "layer %d: expert %d without weights", layer, expert);
      for (double cost : costs) {
        Checks.require(
            Double.isFinite(cost) && cost >= 0,
            "layer %d: expert %d: a width costs %s (expected 0 or more)",
            layer,
            expert,
            Double.toString(cost));
      }
    }

    /// Whose weights they are.
    public ExpertId id() {
      return new ExpertId(layer, expert);
    }
  }
}
