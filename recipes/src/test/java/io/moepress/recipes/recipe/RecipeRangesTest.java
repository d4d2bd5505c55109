package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// The numbers that the schema allows are those that the reader takes: the last one on this side of
/// each bound reads, the first one on the other side does not.
class RecipeRangesTest {
  private static final JsonNode SOURCE = RecipeSchema.source();
  private static final JsonNode MISSING = SOURCE.path("nothing");
  private static final String HEAD = "model: in\noutput: out\n";
  private static final String STEPS = "steps: [prune: {method: easy-ep, keep: 0.5}]\n";
  private static final String PRUNE = HEAD + "steps: [prune: {method: easy-ep";
  private static final String MERGE = HEAD + "steps: [merge: {method: gather";
  private static final String QUANTIZE = HEAD + "steps: [quantize: {method: idle-codes, ";
  private static final String ITEM = "/properties/calibration/properties/data/items/anyOf/1";

  /// Recipes with a place for one more key of a map, by the pointer of the map and the keys.
  private static Map<String, String> places() {
    Map<String, String> places = new LinkedHashMap<>();
    places.put(" max-shard-size", "{model: in, output: out, " + STEPS.strip() + "KEY}");
    places.put(
        "/properties/calibration samples max-tokens reservoir-tokens",
        HEAD + STEPS + "calibration: {data: [a.txt]KEY}");
    places.put(ITEM + " samples", HEAD + STEPS + "calibration: {data: [{file: a.txtKEY}]}");
    places.put(
        ITEM + " weight", HEAD + STEPS + "calibration: {samples: 4, data: [{file: a.txtKEY}]}");
    places.put(
        "/$defs/data/items/anyOf/1 samples", HEAD + STEPS + "evaluate: {data: [{file: a.txtKEY}]}");
    places.put("/properties/evaluate max-tokens", HEAD + STEPS + "evaluate: {data: [a.txt]KEY}");
    places.put(
        "/$defs/gates perplexity-ratio kl-divergence top1-agreement accuracy-drop",
        HEAD + STEPS + "evaluate: {data: [a.txt], gates: {data: [a]KEY}}");
    places.put(
        "/properties/compare random",
        HEAD
            + "evaluate: {data: [a.txt]}\n"
            + "compare: {candidates: [prune: {method: easy-ep, keep: 0.5}]KEY}");
    places.put(
        "/properties/gguf fit", HEAD.replace("out\n", "out.gguf\n") + STEPS + "gguf: {by: mixKEY}");
    places.put("/$defs/prune keep experts", PRUNE + "KEY}]");
    places.put("/$defs/prune snap top-k", PRUNE + ", keep: 0.5KEY}]");
    places.put("/$defs/merge keep experts", MERGE + "KEY}]");
    places.put("/$defs/merge snap top-k", MERGE + ", keep: 0.5KEY}]");
    places.put("/$defs/sparsify sparsity", HEAD + "steps: [sparsify: {method: idleKEY}]");
    places.put("/$defs/quantize group-size", QUANTIZE + "scheme: W4A16KEY}]");
    places.put("/$defs/quantize bits fit", QUANTIZE + "allocate: idle-bits, widths: [1, 8]KEY}]");
    places.put(
        "/$defs/quantize/properties/others group-size",
        QUANTIZE + "scheme: W4A16, others: {scheme: W4A16KEY}}]");
    return places;
  }

  /// A bound.
  ///
  /// @param inside the last number that is allowed, or one near a bound that is not allowed itself
  /// @param outside the first that is not
  private record Bound(BigDecimal inside, BigDecimal outside) {}

  @Test
  void theReaderTakesTheNumbersOfTheSchema() {
    SortedSet<String> tried = new TreeSet<>();
    places()
        .forEach((place, recipe) -> {
          List<String> words = List.of(place.split(" ", -1));
          JsonNode map = SOURCE.at(words.getFirst());
          for (String key : words.subList(1, words.size())) {
            for (Bound bound : bounds(new SchemaNode(SOURCE, map).properties().get(key))) {
              assertThatNoException()
                  .as("%s: %s", key, bound.inside())
                  .isThrownBy(() -> read(recipe, key, bound.inside()));
              assertThatExceptionOfType(RecipeException.class)
                  .as("%s: %s", key, bound.outside())
                  .isThrownBy(() -> read(recipe, key, bound.outside()));
              tried.add(words.getFirst() + " " + key);
            }
          }
        });

    SortedSet<String> bounded = new TreeSet<>();
    collectBounded(SOURCE, "", bounded);
    assertThat(tried).isEqualTo(bounded).hasSizeGreaterThan(20);
  }

  private static void read(String recipe, String key, BigDecimal value) {
    String text = recipe.replace("KEY", ", " + key + ": " + value.toPlainString());
    RecipeReader.read(
        Path.of("recipe.yaml"), text.getBytes(StandardCharsets.UTF_8), new SampleMethods());
  }

  /// The keys with bounds, each behind the pointer of its map.
  private static void collectBounded(JsonNode schema, String pointer, SortedSet<String> bounded) {
    new SchemaNode(SOURCE, schema.path("properties").isObject() ? schema : MISSING)
        .properties()
        .forEach((key, node) -> {
          if (!bounds(node).isEmpty()) {
            bounded.add(pointer + " " + key);
          }
        });
    for (String key : schema.propertyNames()) {
      collectBounded(schema.get(key), pointer + "/" + key, bounded);
    }
    for (int i = 0; schema.isArray() && i < schema.size(); i++) {
      collectBounded(schema.get(i), pointer + "/" + i, bounded);
    }
  }

  private static List<Bound> bounds(SchemaNode node) {
    List<Bound> bounds = new ArrayList<>();
    BigDecimal step = new BigDecimal(node.text("type").equals("integer") ? "1" : "0.5");
    bound(node, "minimum", BigDecimal.ZERO, step.negate(), bounds);
    bound(node, "exclusiveMinimum", step, BigDecimal.ZERO, bounds);
    bound(node, "maximum", BigDecimal.ZERO, step, bounds);
    bound(node, "exclusiveMaximum", step.negate(), BigDecimal.ZERO, bounds);
    node.choices().forEach(choice -> bounds.addAll(bounds(choice)));
    return bounds;
  }

  private static void bound(
      SchemaNode node, String keyword, BigDecimal inside, BigDecimal outside, List<Bound> bounds) {
    if (node.has(keyword)) {
      BigDecimal bound = node.get(keyword).decimalValue();
      bounds.add(new Bound(bound.add(inside), bound.add(outside)));
    }
  }
}
