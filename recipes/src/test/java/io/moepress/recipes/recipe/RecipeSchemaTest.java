package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.GroupMode;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PredictionMode;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.target.Target;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RecipeSchemaTest {
  private static final JsonNode SCHEMA = new JsonMapper().readTree(RecipeSchema.text());

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
    assertThat(names("/properties/target")).isEqualTo(Target.labels());
    assertThat(names("/properties/calibration/properties/order"))
        .isEqualTo(CalibrationSpec.Order.labels());
    assertThat(names("/$defs/prune/properties/router")).isEqualTo(RouterMode.labels());
    assertThat(names("/$defs/prune/properties/groups")).isEqualTo(GroupMode.labels());
    assertThat(names("/$defs/prune/properties/allocation")).isEqualTo(AllocationMode.labels());
    assertThat(names("/$defs/prune/properties/multi-token-prediction"))
        .isEqualTo(PredictionMode.labels());
    assertThat(names("/$defs/merge/properties/align")).isEqualTo(Alignment.labels());
    assertThat(names("/$defs/merge/properties/router")).isEqualTo(MergeRouter.labels());
    assertThat(names("/$defs/merge/properties/groups")).isEqualTo(GroupMode.labels());
    assertThat(names("/$defs/merge/properties/allocation")).isEqualTo(AllocationMode.labels());
    assertThat(names("/$defs/merge/properties/multi-token-prediction"))
        .isEqualTo(PredictionMode.labels());
  }

  @Test
  void aMergeThatSaysNothingIsTheDefaultOfTheSchema() {
    String merge = "model: in\noutput: out\nsteps:\n  - merge: {method: gather, keep: 50%%%s}\n";
    String spelledOut =
        ", align: %align, router: %router, groups: %groups, protect: {super-experts: %super},"
            .concat(" multi-token-prediction: %mtp, uniformise: %uniformise")
            .replace("%mtp", standard("/$defs/merge/properties/multi-token-prediction"))
            .replace("%uniformise", standard("/$defs/merge/properties/uniformise"))
            .replace("%align", standard("/$defs/merge/properties/align"))
            .replace("%router", standard("/$defs/merge/properties/router"))
            .replace("%groups", standard("/$defs/merge/properties/groups"))
            .replace(
                "%super", standard("/$defs/merge/properties/protect/properties/super-experts"));

    assertThat(read(Checks.text(merge, "")).steps())
        .isEqualTo(read(Checks.text(merge, spelledOut)).steps());
  }

  @Test
  void theSchemaListsTheNamesOfSparsityThatTheReaderKnows() {
    assertThat(names("/$defs/sparsify/properties/scope")).isEqualTo(LinearScope.labels());
    assertThat(names("/$defs/sparsify/properties/starved")).isEqualTo(StarvedMode.labels());
    SparsityOptions standard = SparsityOptions.DEFAULT;
    assertThat(standard("/$defs/sparsify/properties/scope")).isEqualTo(standard.scope().label());
    assertThat(standard("/$defs/sparsify/properties/starved"))
        .isEqualTo(standard.starved().label());
    assertThat(standard("/$defs/sparsify/properties/sequential"))
        .isEqualTo(String.valueOf(standard.sequential()));
    assertThat(standard("/$defs/sparsify/properties/gate-power"))
        .isEqualTo(String.valueOf(standard.gatePower()));
  }

  @Test
  void theSchemaListsTheWaysToStoreCodes() {
    assertThat(names("/$defs/quantize/properties/storage")).isEqualTo(QuantizedStorage.labels());
    assertThat(standard("/$defs/group-size")).isEqualTo("128");
    assertThat(names("/$defs/quantize/properties/granularity")).isEqualTo(BitGranularity.labels());
  }

  private static List<String> names(String pointer) {
    List<String> names = new ArrayList<>();
    SCHEMA.at(pointer).get("enum").forEach(name -> names.add(name.asString()));
    return names;
  }

  /// A recipe that spells out every default of the schema equals one that leaves them out.
  @Test
  void theSchemaStatesTheDefaultsOfTheReader() {
    String spelledOut =
        "model: in\noutput: out\ntarget: %target\nseed: %seed\nmax-shard-size: %size\n"
            + "calibration: {data: [a.txt], max-tokens: %tokens, order: %order,"
            + " reservoir-tokens: %reservoir}\n"
            + "steps:\n  - prune: {method: easy-ep, keep: 0.5, router: %router, groups: %groups,"
            + " multi-token-prediction: %prediction, uniformise: %uniformise, protect: {super-experts: %super}}\n";
    Recipe expected =
        read(
            spelledOut
                .replace("%target", standard("/properties/target"))
                .replace("%seed", standard("/properties/seed"))
                .replace("%size", standard("/properties/max-shard-size"))
                .replace("%tokens", standard("/$defs/max-tokens"))
                .replace("%order", standard("/properties/calibration/properties/order"))
                .replace(
                    "%reservoir", standard("/properties/calibration/properties/reservoir-tokens"))
                .replace("%router", standard("/$defs/prune/properties/router"))
                .replace("%groups", standard("/$defs/prune/properties/groups"))
                .replace("%prediction", standard("/$defs/prune/properties/multi-token-prediction"))
                .replace("%uniformise", standard("/$defs/prune/properties/uniformise"))
                .replace(
                    "%super",
                    standard("/$defs/prune/properties/protect/properties/super-experts")));
    Recipe actual = read(RecipeReaderTest.MINIMAL + "calibration: {data: [a.txt]}\n");

    assertThat(actual).usingRecursiveComparison().ignoringFields("sha256").isEqualTo(expected);
  }

  private static String standard(String pointer) {
    return SCHEMA.at(pointer).get("default").asString();
  }

  private static Recipe read(String yaml) {
    return RecipeReader.read(
        Path.of("recipe.yaml"), yaml.getBytes(StandardCharsets.UTF_8), new SampleMethods());
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
    assertThat(size).matches(pattern("/properties/max-shard-size"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"5G", "five", "-5GB", "5PB", "5GB!"})
  void theSchemaRefusesWhatIsNoSize(String size) {
    assertThat(size).doesNotMatch(pattern("/properties/max-shard-size"));
  }

  @Test
  void theSchemaAdmitsRatiosAndExperts() {
    assertThat("50%").matches(pattern("/$defs/prune/properties/keep"));
    assertThat("12.5%").matches(pattern("/$defs/prune/properties/keep"));
    assertThat("-5%").doesNotMatch(pattern("/$defs/prune/properties/keep"));
    JsonNode expert = SCHEMA.at("/$defs/prune/properties/protect/properties/experts/items");
    assertThat("3:17").matches(Pattern.compile(expert.get("pattern").asString()));
    assertThat("3-17").doesNotMatch(Pattern.compile(expert.get("pattern").asString()));
  }

  private static Pattern pattern(String pointer) {
    return Pattern.compile(SCHEMA.at(pointer).at("/anyOf/1/pattern").asString());
  }
}
