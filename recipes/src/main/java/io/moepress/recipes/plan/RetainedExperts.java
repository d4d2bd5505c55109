package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Keeps the experts that a report of another tool lists: a JSON object with an array of expert
/// indices for each layer.
///
/// ```json
/// {"model.layers.0.mlp": [0, 2, 3], "model.layers.1.mlp": [1, 2, 3]}
/// ```
///
/// A key is the name of a module, of which `layers.N` says the layer, or the number alone. Experts
/// count as in the checkpoint; their order in the array says nothing.
///
/// Source: the report (`report_path`) of `REAPPruningModifier` in llm-compressor 0.13, which names
/// the modules with experts.
///
/// @param where the file, for messages
/// @param digest of its text
/// @param layers the experts of each layer that stay, ascending
public record RetainedExperts(String where, String digest, SortedMap<Integer, List<Integer>> layers)
    implements PruneMethod {
  /// The name under which plans tell of it.
  public static final String NAME = "retained-experts";

  private static final Pattern NUMBER = Pattern.compile("\\d{1,6}");
  private static final Pattern MODULE = Pattern.compile("(?:^|\\.)layers\\.(\\d{1,6})(?=\\.|$)");
  private static final String SHAPE =
      "(expected a plan, or a report such as {\"model.layers.3.mlp\": [0, 2]})";

  public RetainedExperts {
    layers = Collections.unmodifiableSortedMap(new TreeMap<>(layers));
    Checks.requireFormat(!layers.isEmpty(), "%s: no layer %s", where, SHAPE);
  }

  /// Reads a report.
  ///
  /// @throws FormatException when it is none, or contradicts itself
  public static RetainedExperts read(Path file) throws IOException {
    String text = Json.text(file);
    return of(file.toString(), Fingerprint.ofText(text), Json.object(text, file.toString()));
  }

  static RetainedExperts of(String where, String digest, ObjectNode report) {
    SortedMap<Integer, List<Integer>> layers = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : report.properties()) {
      String key = entry.getKey();
      int layer = layer(where, key);
      Checks.requireFormat(
          layers.put(layer, experts(where, key, entry.getValue())) == null,
          "%s: %s: layer %d is listed twice (expected once). Remove one",
          where,
          Words.quoted(key),
          layer);
    }
    return new RetainedExperts(where, digest, layers);
  }

  private static int layer(String where, String key) {
    if (NUMBER.matcher(key).matches()) {
      return Integer.parseInt(key);
    }
    List<String> numbers = new ArrayList<>();
    for (Matcher module = MODULE.matcher(key); module.find(); ) {
      numbers.add(module.group(1));
    }
    if (numbers.size() != 1) {
      throw FormatException.of("%s: key %s names no layer %s", where, Words.quoted(key), SHAPE);
    }
    return Integer.parseInt(numbers.getFirst());
  }

  private static List<Integer> experts(String where, String key, JsonNode value) {
    List<Integer> experts = new ArrayList<>();
    for (JsonNode expert : value) {
      if (!expert.isInt() || expert.intValue() < 0) {
        throw notIndices(where, key);
      }
      experts.add(expert.intValue());
    }
    if (!value.isArray()) {
      throw notIndices(where, key);
    }
    Checks.requireFormat(!experts.isEmpty(), "%s: %s: no expert stays", where, Words.quoted(key));
    Checks.requireFormat(
        experts.stream().distinct().count() == experts.size(),
        "%s: %s: an expert is listed twice: %s",
        where,
        Words.quoted(key),
        experts);
    return experts.stream().sorted().toList();
  }

  private static FormatException notIndices(String where, String key) {
    return FormatException.of(
        "%s: %s: not an array of expert indices %s", where, Words.quoted(key), SHAPE);
  }

  /// The smallest number of experts that stay in a layer.
  public int fewest() {
    return layers.values().stream().mapToInt(List::size).min().orElse(0);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of();
  }

  @Override
  public List<KeepExperts> plan(PruneRequest request) {
    requireFits(request.layout());
    return layers.entrySet().stream()
        .map(layer -> keep(layer.getKey(), layer.getValue(), request))
        .toList();
  }

  /// The report says no scores; those that stay have 1.
  private KeepExperts keep(int layer, List<Integer> kept, PruneRequest request) {
    List<Double> scores =
        IntStream.range(0, request.layout().experts(layer))
            .mapToObj(expert -> kept.contains(expert) ? 1.0 : 0.0)
            .toList();
    return new KeepExperts(layer, NAME, request.router().label(), kept, List.of(), scores);
  }

  /// Makes sure that the report is of this model.
  ///
  /// @throws PlanMismatchException naming the first layer or expert that does not fit
  public void requireFits(ModelLayout layout) {
    List<Integer> expected = layout.moeLayers();
    for (Map.Entry<Integer, List<Integer>> layer : layers.entrySet()) {
      if (!expected.contains(layer.getKey())) {
        throw new PlanMismatchException(
            "%s: layer %d has no routed experts (expected the layers %s). Is it a report of this"
                + " model?",
            where, layer.getKey(), expected);
      }
      int last = layer.getValue().getLast();
      int experts = layout.experts(layer.getKey());
      if (last >= experts) {
        throw new PlanMismatchException(
            "%s: layer %d: expert %d (expected 0 to %d). Is it a report of this model?",
            where, layer.getKey(), last, experts - 1);
      }
    }
    List<Integer> missing = expected.stream().filter(it -> !layers.containsKey(it)).toList();
    if (!missing.isEmpty()) {
      throw new PlanMismatchException(
          "%s: layers %s are missing (expected every layer with experts, %s). List all %d experts of"
              + " a layer that keeps all.",
          where, missing, expected, layout.experts());
    }
  }
}
