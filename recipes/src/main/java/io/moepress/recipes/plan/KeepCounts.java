package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// So many experts of each layer stay: numbers that somebody else has found.
///
/// @param numbers one for each layer that has experts, in ascending order of layers; at least 1
public record KeepCounts(List<Integer> numbers) implements Budget {

  public KeepCounts {
    numbers = List.copyOf(numbers);
    Checks.require(!numbers.isEmpty(), "an empty list (expected a number for each layer)");
    for (int number : numbers) {
      Checks.require(number > 0, "%d (expected at least 1 for each layer)", number);
    }
  }

  @Override
  public SortedMap<Integer, Integer> counts(ModelLayout layout) {
    List<Integer> layers = layout.moeLayers();
    Checks.require(
        layers.size() == numbers.size(),
        "experts: a list of %d numbers (expected one for each of the %d layers with experts, %s)",
        numbers.size(),
        layers.size(),
        layers);
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    for (int place = 0; place < layers.size(); place++) {
      int layer = layers.get(place);
      Checks.require(
          numbers.get(place) <= layout.experts(layer),
          "%d experts to keep in layer %d, but it has only %d",
          numbers.get(place),
          layer,
          layout.experts(layer));
      counts.put(layer, numbers.get(place));
    }
    return counts;
  }

  /// As in a recipe: `[20, 12, 16]`.
  @Override
  public String toString() {
    return numbers.toString();
  }
}
