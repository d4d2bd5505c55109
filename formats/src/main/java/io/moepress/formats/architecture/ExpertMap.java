package io.moepress.formats.architecture;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/// Which expert each row of a router leads to, where several rows may lead to one.
///
/// `config.json` has it under [#KEY], a list for each layer that has experts, in ascending order of
/// layers: with four rows and two experts in each of two layers, `"expert_map": [[0, 0, 1, 1], [0,
/// 1, 1, 0]]`. A token that chose two rows of one expert gets it with both weights. Without the key
/// each expert has one row of its own. No stock runtime reads it.
///
/// @param byLayer the expert of each row, by layer; empty where each expert has its own
public record ExpertMap(SortedMap<Integer, List<Integer>> byLayer) {
  /// The key in `config.json`.
  public static final String KEY = "expert_map";

  /// Each expert has one row of its own.
  static final ExpertMap NONE = new ExpertMap(new TreeMap<>());

  public ExpertMap {
    SortedMap<Integer, List<Integer>> copies = new TreeMap<>();
    byLayer.forEach((layer, experts) -> copies.put(layer, List.copyOf(experts)));
    byLayer = Collections.unmodifiableSortedMap(copies);
  }

  /// The map of a model; none where what the configuration says is faulty.
  static ExpertMap of(ModelLayout layout) {
    if (!layout.config().has(KEY) || fault(layout).isPresent()) {
      return NONE;
    }
    List<List<Integer>> listed = listed(layout.config());
    List<Integer> layers = firstMoeLayers(layout, listed.size());
    SortedMap<Integer, List<Integer>> byLayer = new TreeMap<>();
    for (int place = 0; place < listed.size(); place++) {
      byLayer.put(layers.get(place), listed.get(place));
    }
    return new ExpertMap(byLayer);
  }

  /// Whether some configuration has a map.
  public static boolean isIn(ModelConfig config) {
    return config.has(KEY);
  }

  /// What is wrong with the map of a model; empty where there is nothing, or no map.
  public static Optional<String> fault(ModelLayout layout) {
    Optional<JsonNode> node = layout.config().value(KEY);
    if (node.isEmpty()) {
      return layout.config().has(KEY) ? Optional.of("null") : Optional.empty();
    }
    boolean lists =
        node.get().isArray()
            && node.get()
                .valueStream()
                .allMatch(row -> row.isArray() && row.valueStream().allMatch(JsonNode::isInt));
    if (!lists) {
      return Optional.of(Words.shown(node.get().toString()));
    }
    List<List<Integer>> listed = listed(layout.config());
    List<Integer> layers = firstMoeLayers(layout, listed.size() + 1);
    if (layers.size() != listed.size()) {
      return Optional.of(
          Checks.text(
              "%d lists, for %s layers with experts",
              listed.size(), layers.size() > listed.size() ? "more" : layers.size()));
    }
    return IntStream.range(0, layers.size())
        .boxed()
        .flatMap(place -> fault(layout, layers.get(place), listed.get(place)).stream())
        .findFirst();
  }

  private static Optional<String> fault(ModelLayout layout, int layer, List<Integer> experts) {
    List<Integer> reached = List.copyOf(new TreeSet<>(experts));
    int count = layout.experts(layer);
    boolean all =
        reached.size() == count && reached.getFirst() == 0 && reached.getLast() == count - 1;
    return all
        ? Optional.empty()
        : Optional.of(
            Checks.text(
                "layer %d leads to experts %s, of which there are %d",
                layer, Words.shown(reached.toString()), count));
  }

  /// Makes sure that the map of a model, if it has one, leads somewhere.
  ///
  /// @throws FormatException when it does not
  static void requireSound(ModelLayout layout) {
    fault(layout)
        .ifPresent(fault -> {
          throw FormatException.of(
              "config.json: %s: %s (expected a list for each layer with experts, of the expert of"
                  + " each router row, every expert at least once)",
              KEY, fault);
        });
  }

  private static List<List<Integer>> listed(ModelConfig config) {
    return config
        .value(KEY)
        .orElseThrow()
        .valueStream()
        .map(row -> row.valueStream().map(JsonNode::asInt).toList())
        .toList();
  }

  private static List<Integer> firstMoeLayers(ModelLayout layout, int most) {
    return IntStream.range(0, layout.layers()).filter(layout::isMoe).limit(most).boxed().toList();
  }

  /// Whether each expert has one row of its own, in every layer.
  public boolean isEmpty() {
    return byLayer.isEmpty();
  }

  /// The expert that a row leads to.
  public int expert(int layer, int row) {
    List<Integer> experts = byLayer.get(layer);
    return experts == null ? row : experts.get(row);
  }

  /// The numbers of rows of a layer that has `experts` experts.
  public int rows(int layer, int experts) {
    List<Integer> mapped = byLayer.get(layer);
    return mapped == null ? experts : mapped.size();
  }

  /// A configuration with this map.
  public ModelConfig in(ModelConfig config) {
    return config.withLists(KEY, new ArrayList<>(byLayer.values()));
  }
}
