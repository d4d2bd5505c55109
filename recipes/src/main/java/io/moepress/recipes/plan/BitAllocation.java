package io.moepress.recipes.plan;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.recipes.plan.BitCosts.Item;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Which weights get how many bits.
///
/// `bound` and `bitsLost` say what it costs that weights share widths, that some widths have to be
/// present, that experts are guarded, and that no weight has half a bit. What the granularity has
/// of that shows beside the same budget at [BitGranularity#MATRIX].
///
/// @param choices a width for each item, in the order of the [BitCosts]
/// @param objective the sum of the costs of the chosen widths
/// @param bound no choice at all within the budget has a smaller objective
/// @param averageBits bits for each weight that are spent
/// @param bitsLost how many fewer on average would give this objective, could each item choose for
///   itself, and also mix widths
/// @param notes what a reader of the plan should know
public record BitAllocation(
    List<Choice> choices,
    double objective,
    double bound,
    double averageBits,
    double bitsLost,
    List<String> notes) {

  public BitAllocation {
    choices = List.copyOf(choices);
    notes = List.copyOf(notes);
  }

  /// A width.
  ///
  /// @param item what gets it
  /// @param bits how many bits a weight has
  /// @param cost what that costs
  public record Choice(Item item, int bits, double cost) {}

  /// Number of weights that got a width.
  public long weights() {
    return choices.stream().mapToLong(choice -> choice.item().weights()).sum();
  }

  /// Bits of all codes together.
  public long codeBits() {
    return choices.stream()
        .mapToLong(choice -> Math.multiplyExact(choice.item().weights(), choice.bits()))
        .reduce(0, Math::addExact);
  }

  /// The bits of every matrix of every expert that got a width.
  public SortedMap<ExpertId, Map<Projection, Integer>> byExpert() {
    SortedMap<ExpertId, Map<Projection, Integer>> experts = new TreeMap<>();
    for (Choice choice : choices) {
      Map<Projection, Integer> matrices =
          experts.computeIfAbsent(choice.item().id(), _ -> new EnumMap<>(Projection.class));
      Projection only = choice.item().projection();
      for (Projection projection : Projection.values()) {
        if (only == null || only == projection) {
          matrices.put(projection, choice.bits());
        }
      }
    }
    return experts;
  }

  /// The widths of a layer's items, by layer, in the order of the items.
  public SortedMap<Integer, List<Integer>> byLayer() {
    SortedMap<Integer, List<Integer>> layers = new TreeMap<>();
    for (Choice choice : choices) {
      layers.computeIfAbsent(choice.item().layer(), _ -> new ArrayList<>()).add(choice.bits());
    }
    return layers;
  }

  /// Number of weights of each width.
  public SortedMap<Integer, Long> weightsByWidth() {
    SortedMap<Integer, Long> weights = new TreeMap<>();
    for (Choice choice : choices) {
      weights.merge(choice.bits(), choice.item().weights(), Long::sum);
    }
    return weights;
  }
}
