package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.GroupMode;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PredictionMode;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.target.Target;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RecipeSchemaTest {
  private static final JsonNode SCHEMA = new JsonMapper().readTree(RecipeSchema.text());
  private static final JsonNode SOURCE = RecipeSchema.source();

  @Test
  void theSchemaHasExactlyTheKeysThatTheReaderAsksFor() {
    SortedSet<String> asked = asked(RecipeReaderTest.COMPLETE);
    asked.addAll(asked(comparingAllSteps()));
    asked.addAll(asked(GgufReaderTest.COMPLETE));
    asked.removeIf(key -> key.endsWith("steps[].prune.seed")); // an option of the method
    asked.remove("compare.candidates[].prune.seed");

    assertThat(keys(SCHEMA, "")).isEqualTo(asked);
  }

  /// A comparison of the steps of the recipe that has all keys: of each alone, and of all together.
  private static String comparingAllSteps() {
    String complete = RecipeReaderTest.COMPLETE;
    String steps =
        complete.substring(complete.indexOf("  - prune:"), complete.indexOf("evaluate:"));
    return "model: in\noutput: out\nevaluate: {data: [a.txt]}\n"
        + "compare:\n  random: 0\n  candidates:\n"
        + steps.indent(2)
        + "    - name: all\n      steps:\n"
        + steps.indent(6);
  }

  private static SortedSet<String> asked(String recipe) {
    YamlNode root = YamlNode.parse(Path.of("recipe.yaml"), recipe.getBytes(StandardCharsets.UTF_8));
    new RecipeReader(new SampleMethods()).recipe(Path.of("recipe.yaml"), "0".repeat(64), root);
    return root.askedPaths();
  }

  /// The paths of all properties below a schema, lists as `[]`.
  private static SortedSet<String> keys(JsonNode schema, String path) {
    JsonNode resolved = resolved(schema);
    SortedSet<String> keys = new TreeSet<>();
    String prefix = path.isEmpty() ? "" : path + ".";
    for (String key : resolved.path("properties").propertyNames()) {
      keys.add(prefix + key);
      keys.addAll(keys(resolved.get("properties").get(key), prefix + key));
    }
    resolved.path("anyOf").forEach(choice -> keys.addAll(keys(choice, path)));
    if (resolved.has("items")) {
      keys.addAll(keys(resolved.get("items"), path + "[]"));
    }
    return keys;
  }

  private static JsonNode resolved(JsonNode schema) {
    return schema.has("$ref") ? SCHEMA.at(schema.get("$ref").asString().substring(1)) : schema;
  }

  @Test
  void theSchemaListsTheNamesThatTheReaderKnows() {
    Map<String, List<String>> names = new TreeMap<>();
    collectNames(SCHEMA, "", names);

    assertThat(names)
        .containsExactlyInAnyOrderEntriesOf(
            Map.ofEntries(
                Map.entry("target", Target.labels()),
                Map.entry("gguf.by", FitBy.labels()),
                Map.entry("calibration.order", CalibrationSpec.Order.labels()),
                Map.entry("prune.allocation", AllocationMode.labels()),
                Map.entry("prune.router", RouterMode.labels()),
                Map.entry("prune.groups", GroupMode.labels()),
                Map.entry("prune.multi-token-prediction", PredictionMode.labels()),
                Map.entry("merge.allocation", AllocationMode.labels()),
                Map.entry("merge.align", Alignment.labels()),
                Map.entry("merge.router", MergeRouter.labels()),
                Map.entry("merge.groups", GroupMode.labels()),
                Map.entry("merge.multi-token-prediction", PredictionMode.labels()),
                Map.entry("sparsify.scope", LinearScope.labels()),
                Map.entry("sparsify.starved", StarvedMode.labels()),
                Map.entry("sparsify.gate-power", List.of("0", "2")),
                Map.entry("quantize.granularity", BitGranularity.labels()),
                Map.entry("quantize.storage", QuantizedStorage.labels())));
  }

  /// The names that each key takes that takes some only.
  private static void collectNames(JsonNode schema, String path, Map<String, List<String>> names) {
    for (Map.Entry<String, JsonNode> entry : schema.properties()) {
      String below = entry.getKey().matches("properties|[$]defs") ? path : path + entry.getKey();
      if (entry.getKey().equals("properties")) {
        entry.getValue().properties().stream()
            .filter(property -> property.getValue().has("enum"))
            .forEach(property ->
                names.put(path + property.getKey(), texts(property.getValue().get("enum"))));
      }
      boolean named = !below.equals(path);
      collectNames(entry.getValue(), named ? below + "." : path, names);
    }
  }

  private static List<String> texts(JsonNode values) {
    return values.valueStream().map(JsonNode::asString).toList();
  }

  /// A recipe in which a part says all that the schema has as its defaults is the recipe in which
  /// the part says nothing.
  @ParameterizedTest
  @MethodSource("parts")
  void theSchemaStatesTheDefaultsOfTheReader(String pointer, String recipe) {
    String silent = recipe.replace("DEFAULTS", "");
    String defaults = defaults(new SchemaNode(SOURCE, SOURCE.at(pointer)));

    assertThat(defaults).isNotEmpty();
    assertThat(read(recipe.replace("DEFAULTS", defaults)))
        .usingRecursiveComparison()
        .ignoringFields("sha256")
        .isEqualTo(read(silent));
  }

  static List<Arguments> parts() {
    String head = "model: in\noutput: out\n";
    String step = "steps: [prune: {method: easy-ep, keep: 0.5}]\n";
    String quantize = head + "steps: [quantize: {method: idle-codes, ";
    return List.of(
        Arguments.of(
            "", "{model: in, output: out, steps: [prune: {method: easy-ep, keep: 0.5}]DEFAULTS}"),
        Arguments.of(
            "/properties/gguf",
            "model: in\noutput: out.gguf\n" + step + "gguf: {fit: 5GBDEFAULTS}"),
        Arguments.of(
            "/properties/calibration", head + step + "calibration: {data: [a.txt]DEFAULTS}"),
        Arguments.of(
            "/properties/compare",
            head
                + "evaluate: {data: [a.txt]}\ncompare: {keep: [50%], candidates: [prune: {method: easy-ep}]DEFAULTS}"),
        Arguments.of("/properties/evaluate", head + step + "evaluate: {data: [a.txt]DEFAULTS}"),
        Arguments.of("/$defs/prune", head + "steps: [prune: {method: easy-ep, keep: 0.5DEFAULTS}]"),
        Arguments.of(
            "/$defs/prune/properties/protect",
            head
                + "steps: [prune: {method: easy-ep, keep: 0.5, protect: {experts: [\"0:1\"]DEFAULTS}}]"),
        Arguments.of("/$defs/merge", head + "steps: [merge: {method: gather, keep: 0.5DEFAULTS}]"),
        Arguments.of(
            "/$defs/merge/properties/protect",
            head
                + "steps: [merge: {method: gather, keep: 0.5, protect: {experts: [\"0:1\"]DEFAULTS}}]"),
        Arguments.of(
            "/$defs/sparsify", head + "steps: [sparsify: {method: idle, sparsity: 0.5DEFAULTS}]"),
        Arguments.of("/$defs/quantize", quantize + "scheme: W4A16DEFAULTS}]"),
        Arguments.of(
            "/$defs/quantize/properties/others",
            quantize + "scheme: W4A16, others: {scheme: W4A16DEFAULTS}}]"));
  }

  /// The keys of a map that have a default, as one writes them behind others.
  private static String defaults(SchemaNode map) {
    StringBuilder text = new StringBuilder();
    map.properties()
        .forEach((key, node) -> {
          if (node.has("default")) {
            text.append(", ")
                .append(key)
                .append(": ")
                .append(ValueWords.written(node.get("default")));
          }
        });
    return text.toString();
  }

  @Test
  void aSourceWithoutAWeightHasThatOfTheSchema() {
    String recipe =
        RecipeReaderTest.MINIMAL
            + "calibration: {samples: 8, data: [{file: b.txt, weight: 3}, {file: a.txtDEFAULTS}]}";
    String items = "/properties/calibration/properties/data/items/anyOf/1";
    String weight = defaults(new SchemaNode(SOURCE, SOURCE.at(items)));

    assertThat(weight).startsWith(", weight: ");
    assertThat(read(recipe.replace("DEFAULTS", weight)).calibration().orElseThrow().counts())
        .isEqualTo(read(recipe.replace("DEFAULTS", "")).calibration().orElseThrow().counts());
  }

  /// Whatever has a default is in one of the parts that are read with their defaults.
  @Test
  void noDefaultIsLeftUntried() {
    long tried =
        parts().stream()
            .map(part -> new SchemaNode(SOURCE, SOURCE.at((String) part.get()[0])))
            .flatMap(part -> part.properties().values().stream())
            .filter(key -> key.has("default"))
            .count();
    long stated =
        new RecipeReference(new SampleMethods())
            .parts().stream()
                .flatMap(part -> part.keys().stream())
                .filter(key -> key.defaultValue().matches("`.*`(; .*)?"))
                .filter(key -> !key.key().equals("allocation")) // by the method
                .filter(key -> !key.key().equals("data[].weight")) // tried by itself
                .count();

    assertThat(tried).isEqualTo(stated);
  }

  private static Recipe read(String yaml) {
    return RecipeReader.read(
        Path.of("recipe.yaml"), yaml.getBytes(StandardCharsets.UTF_8), new SampleMethods());
  }

  /// What editors show has no link that leads nowhere, no mark that they print as it is, and no
  /// keyword of ours.
  @Test
  void whatIsPublishedIsForEditors() {
    JsonNode architecture = SCHEMA.at("/properties/architecture");

    assertThat(architecture.get("description").asString())
        .isEqualTo(
            "A file that describes the model, for families that moepress does not know. If not"
                + " given: one that comes with moepress.");
    assertThat(SCHEMA.at("/properties/output/markdownDescription").asString())
        .contains("unless `--overwrite`", "is that of a GGUF file.");
    assertThat(RecipeSchema.text()).doesNotContain("](", "\"x-");
    assertThat(SCHEMA.findValuesAsString("description")).noneMatch(text -> text.contains("`"));
  }

  @Test
  void everyExampleIsWhatTheSchemaTakes() {
    int examples = 0;
    for (JsonNode parent : SOURCE.findParents("examples")) {
      List<Pattern> patterns =
          resolved(parent).findValuesAsString("pattern").stream().map(Pattern::compile).toList();
      for (JsonNode example : parent.get("examples")) {
        assertThat(
                !example.isString()
                    || patterns.stream().anyMatch(it -> it.matcher(example.asString()).matches()))
            .as("%s", parent)
            .isTrue();
        examples++;
      }
    }

    assertThat(examples).isGreaterThan(10);
  }

  @Test
  void onlyAStepHasRoomForKeysThatTheSchemaDoesNotKnow() {
    assertThat(open(SCHEMA, ""))
        .containsExactlyInAnyOrder(
            "/$defs/prune", "/$defs/merge", "/$defs/sparsify", "/$defs/quantize");
  }

  /// The pointers of all object schemas that admit other keys than their own.
  private static List<String> open(JsonNode schema, String pointer) {
    List<String> open = new ArrayList<>();
    if (schema.path("type").asString("").equals("object")
        && schema.path("additionalProperties").asBoolean(true)) {
      open.add(pointer);
    }
    for (String key : schema.propertyNames()) {
      open.addAll(open(schema.get(key), pointer + "/" + key));
    }
    for (int i = 0; schema.isArray() && i < schema.size(); i++) {
      open.addAll(open(schema.get(i), pointer + "/" + i));
    }
    return open;
  }

  @ParameterizedTest
  @ValueSource(strings = {"5GB", "1.5 GiB", "512mib", "7B", "4096", "3kB", "1TB"})
  void theSchemaAdmitsEverySizeThatReads(String size) {
    assertThat(ByteSize.parse(size).bytes()).isPositive();
    assertThat(size).matches(pattern("/$defs/size"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"5G", "five", "-5GB", "5PB", "5GB!"})
  void theSchemaRefusesWhatIsNoSize(String size) {
    assertThat(size).doesNotMatch(pattern("/$defs/size"));
  }

  @Test
  void theSchemaAdmitsRatiosAndExperts() {
    assertThat("50%").matches(pattern("/$defs/ratio"));
    assertThat("12.5%").matches(pattern("/$defs/ratio"));
    assertThat("-5%").doesNotMatch(pattern("/$defs/ratio"));
    JsonNode expert = SCHEMA.at("/$defs/prune/properties/protect/properties/experts/items");
    assertThat("3:17").matches(Pattern.compile(expert.get("pattern").asString()));
    assertThat("3-17").doesNotMatch(Pattern.compile(expert.get("pattern").asString()));
  }

  private static Pattern pattern(String pointer) {
    return Pattern.compile(SCHEMA.at(pointer).at("/anyOf/1/pattern").asString());
  }
}
