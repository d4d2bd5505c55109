package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/// The numbers of routed experts, as `config.json` gives them under the count keys of a family.
///
/// One number holds for all layers with experts. Where they differ it is a list, with one number
/// for each layer that has experts, in ascending order of layers: with a dense layer 0 and experts
/// in layers 1 to 3, `"n_routed_experts": [20, 12, 16]`. No stock runtime reads such a list.
public final class ExpertCounts {
  private ExpertCounts() {}

  /// Whether a value is one number of experts.
  public static boolean isNumber(JsonNode node) {
    return node.isInt() && node.asInt() >= 1;
  }

  /// Whether a value is a list of numbers of experts, whatever its length.
  public static boolean isList(JsonNode node) {
    return node.isArray() && !node.isEmpty() && node.valueStream().allMatch(ExpertCounts::isNumber);
  }

  /// The largest number of a list under a count key.
  static double largest(String key, JsonNode list) {
    Checks.requireFormat(
        isList(list),
        "config.json: %s = %s (expected a positive integer, or a list of one for each layer with"
            + " experts)",
        key,
        Words.shown(list.toString()));
    return list.valueStream().mapToInt(JsonNode::asInt).max().orElse(0);
  }

  /// The list under the first count key that has one; empty where there is none.
  static List<Integer> listed(Architecture architecture, ModelConfig config) {
    Optional<JsonNode> list =
        architecture.countKeys().stream()
            .flatMap(key -> config.value(key).stream())
            .filter(JsonNode::isArray)
            .findFirst();
    return list.map(node -> node.valueStream().map(JsonNode::asInt).toList()).orElse(List.of());
  }

  /// The numbers by layer, as far as list and layers reach. A configuration may claim billions of
  /// layers; no more of them are looked at than the list has numbers for.
  static SortedMap<Integer, Integer> byLayer(List<Integer> listed, ModelLayout layout) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    if (!listed.isEmpty()) {
      List<Integer> layers = firstMoeLayers(layout, listed.size());
      for (int place = 0; place < layers.size(); place++) {
        counts.put(layers.get(place), listed.get(place));
      }
    }
    return Collections.unmodifiableSortedMap(counts);
  }

  private static List<Integer> firstMoeLayers(ModelLayout layout, int most) {
    return IntStream.range(0, layout.layers()).filter(layout::isMoe).limit(most).boxed().toList();
  }

  /// Makes sure that the numbers of experts, of groups and of experts per token fit each other.
  ///
  /// @throws io.moepress.formats.FormatException naming the keys that do not
  static void requireConsistent(ModelLayout layout) {
    Architecture architecture = layout.architecture();
    requireOneValue(layout.config(), architecture.countKeys());
    requireOneValue(layout.config(), architecture.topKKeys());
    requireLength(layout);
    ExpertMap.requireSound(layout);
    for (int experts : distinctRows(layout)) {
      Checks.requireFormat(
          layout.topK() <= experts,
          "config.json: %s: %d experts per token, but only %d experts",
          architecture.topKKeys(),
          layout.topK(),
          experts);
      Checks.requireFormat(
          layout.groups().fit(experts, layout.topK()),
          "config.json: %s: %d experts (expected %s)",
          architecture.countKeys(),
          experts,
          layout.groups().rule(layout.topK()));
    }
  }

  /// What a token chooses from: the rows of routers.
  private static SortedSet<Integer> distinctRows(ModelLayout layout) {
    SortedSet<Integer> rows = new TreeSet<>();
    layout.expertMap().byLayer().values().forEach(mapped -> rows.add(mapped.size()));
    return rows.isEmpty() ? layout.distinctExperts() : rows;
  }

  private static void requireLength(ModelLayout layout) {
    int listed = listed(layout.architecture(), layout.config()).size();
    int found = listed == 0 ? 0 : firstMoeLayers(layout, listed + 1).size();
    Checks.requireFormat(
        listed == found,
        "config.json: %s: a list of %d numbers, and %s layers with experts (expected one for each)",
        layout.architecture().countKeys(),
        listed,
        found > listed ? "more" : found);
  }

  private static void requireOneValue(ModelConfig config, List<String> keys) {
    List<String> present = keys.stream().filter(key -> config.value(key).isPresent()).toList();
    long values = present.stream().map(key -> config.value(key).orElseThrow()).distinct().count();
    Checks.requireFormat(
        values <= 1,
        "config.json: %s mean the same and differ. Set them equal to what the tensors hold.",
        present);
  }

  /// The configuration of a model with other numbers of experts: one number where all are equal,
  /// else a list, under every count key that is there.
  ///
  /// @param byLayer the number of every layer with experts
  public static ModelConfig written(ModelLayout layout, SortedMap<Integer, Integer> byLayer) {
    Checks.require(
        List.copyOf(byLayer.keySet()).equals(layout.moeLayers()),
        "numbers of experts for layers %s (expected one for each of %s)",
        byLayer.keySet(),
        layout.moeLayers());
    List<Integer> numbers = new ArrayList<>(byLayer.values());
    boolean uniform = numbers.stream().distinct().count() == 1;
    ModelConfig config = layout.config();
    for (String key : layout.architecture().countKeys()) {
      if (config.has(key)) {
        config = uniform ? config.with(key, numbers.getFirst()) : config.with(key, numbers);
      }
    }
    return config;
  }

  /// Numbers of experts in words: `16`, or `12 to 20` where layers differ.
  public static String text(Collection<Integer> numbers) {
    if (numbers.isEmpty()) {
      return "no";
    }
    int fewest = Collections.min(numbers);
    int most = Collections.max(numbers);
    return fewest == most ? Integer.toString(most) : fewest + " to " + most;
  }
}
