package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.recipes.recipe.RecipeSchema;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class RecipeCommandTest {
  private static final Path MODEL = TestData.path("models/tiny-deepseekv3");
  private static final Path TEXTS = TestData.path("texts/math.calibration.jsonl");

  @TempDir private Path folder = Path.of("");

  // schema

  @Test
  void printsTheSchema() {
    Cli schema = Cli.run("recipe", "schema");

    assertThat(schema.exitCode()).isZero();
    assertThat(schema.out()).isEqualTo(RecipeSchema.text());
  }

  @Test
  void writesTheSchemaToAFileAndReplacesItOnlyOnRequest() {
    Path file = folder.resolve("recipe.schema.json");

    assertThat(Cli.run("recipe", "schema", "-o", file).exitCode()).isZero();
    assertThat(file).hasContent(RecipeSchema.text());
    Cli again = Cli.run("recipe", "schema", "-o", file);
    assertThat(again.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(again.err()).contains("the file exists", "--overwrite");
    assertThat(Cli.run("recipe", "schema", "-o", file, "--overwrite").exitCode()).isZero();
  }

  // reference

  @Test
  void theReferenceHasEveryKeyOfTheSchemaAndEveryOptionOfAMethod() {
    Cli reference = Cli.run("recipe", "reference");
    SortedSet<String> keys = new TreeSet<>();
    collectKeys(Json.object(RecipeSchema.text(), "schema"), keys);

    assertThat(reference.exitCode()).isZero();
    assertThat(keys)
        .isNotEmpty()
        .allMatch(key ->
            reference
                .out()
                .lines()
                .anyMatch(line -> line.matches("([|]|##) `(.*[.])?" + key + "`( [|].*)?")));
    assertThat(reference.out())
        .contains(
            "# Recipes\n",
            "\n## `prune`\n\nDrops experts.",
            "\n### Options of `diep`\n\n| key | takes | meaning | default |\n",
            "\n| `seed` | a whole number | Decides everything that draws lots. | `42` |\n");
  }

  @Test
  void theReferenceHasNoLinksForThereAreNoDocsBesideIt() {
    assertThat(Cli.run("recipe", "reference").out())
        .contains("| The runtime that has to load the result. |", "is that of a GGUF file. |")
        .doesNotContain("](");
  }

  @Test
  void theReferenceAsJson() {
    JsonNode reference = Cli.run("recipe", "reference", "--json").json();

    assertThat(reference.at("/parts/0/name").asString()).isEqualTo("recipe");
    assertThat(reference.at("/parts/0/keys/0/defaultValue").asString()).isEqualTo("required");
    assertThat(reference.get("methods").findValuesAsString("method"))
        .contains("activation", "sub-moe", "owl", "gptq", "pmq")
        .doesNotContain("easy-ep");
  }

  // check

  @Test
  void aSoundRecipePasses() throws IOException {
    Cli check = Cli.run("recipe", "check", recipe("keep: 50%", "transformers", TEXTS));

    assertThat(check.exitCode()).as(check.out()).isZero();
    assertThat(check.out()).endsWith("recipe.yaml: ok\n");
    assertThat(folder).isDirectoryNotContaining("glob:**/out*");
  }

  @Test
  void allMistakesOfARecipeAreToldAtOnce() throws IOException {
    Path recipe =
        Files.writeString(
            folder.resolve("bad.yaml"),
            """
            modle: in
            output: out
            target: vlm
            seed: many
            calibration:
              data: [{file: a.jsonl, samples: 0}, {fiel: b.jsonl}]
              max-tokens: none
            steps:
              - prune: {method: easyep, keep: 50%}
              - prune: {method: reap, kep: 50%}
            evaluate:
              data: [c.jsonl]
              gates: {perplexity-ratio: -1, kl-divergence: soon}
            """);

    Cli check = Cli.run("recipe", "check", recipe);

    assertThat(check.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(check.out().replace(recipe.toString(), "bad"))
        .isEqualTo(
            """
            bad:1: model: missing (expected a local directory). Did you mean it by "modle"?
            bad:3: target: "vlm" (expected one of: transformers, vllm, sglang, llama.cpp, research). Did you mean "vllm"?
            bad:4: seed: "many" (expected a whole number)
            bad:6: calibration.data[0].samples: 0 (expected a whole number from 1 to 2147483647)
            bad:6: calibration.data[1].file: missing (expected a file of texts). Did you mean it by "fiel"?
            bad:7: calibration.max-tokens: "none" (expected a whole number)
            bad:9: steps[0].prune.method: "easyep" (expected one of: METHODS). Did you mean "easy-ep"?
            bad:10: unknown key "kep" in "steps[1].prune"; known: allocation, experts, groups, keep, method, multi-token-prediction, protect, router, snap, top-k, uniformise. Did you mean "keep"?
            bad:13: evaluate.gates.perplexity-ratio: -1.0 (expected a number above 0)
            bad:13: evaluate.gates.kl-divergence: "soon" (expected a number)
            bad:1: unknown key "modle" in the recipe; known: architecture, calibration, compare, evaluate, gguf, max-shard-size, model, output, seed, steps, target. Did you mean "model"?
            bad: 11 problems
            """
                .replace("METHODS", String.join(", ", new Methods().pruneNames())));
  }

  @Test
  void filesThatAreNotThereAreToldWithTheirLines() throws IOException {
    Path recipe = recipe("keep: 50%", "transformers", folder.resolve("no.jsonl"));

    Cli check = Cli.run("recipe", "check", recipe);

    assertThat(check.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(check.out())
        .contains(
            recipe + ":5: calibration.data[0]: " + folder.resolve("no.jsonl") + ": no such file")
        .contains("1 problem");
  }

  @Test
  void theModelAndItsTextsAreBothLookedAt() throws IOException {
    Path recipe = recipe("keep: 50%", "transformers", folder.resolve("no.jsonl"));
    Files.writeString(
        recipe, Files.readString(recipe).replace(MODEL.toString(), folder.resolve("m").toString()));

    assertThat(Cli.run("recipe", "check", recipe).out())
        .contains(recipe + ":1: model: " + folder.resolve("m") + ": no such directory")
        .contains("calibration.data[0]")
        .contains("2 problems");
  }

  @Test
  void aBudgetThatTheGroupsOfTheRouterDoNotTake() throws IOException {
    assertThat(Cli.run("recipe", "check", recipe("experts: 7", "vllm", TEXTS)).out())
        .contains("recipe.yaml:7: steps[0]: 7 of 16 experts would stay", "The nearest is 8.");
  }

  @Test
  void whatATargetOnlyWarnsOfIsNoMistake() throws IOException {
    Path recipe = recipe("experts: 12", "sglang", TEXTS);

    Cli check = Cli.run("recipe", "check", recipe);

    assertThat(check.exitCode()).isZero();
    assertThat(check.out())
        .isEqualTo(
            recipe
                + ":7: steps[0]: warning: sglang: power-of-two-experts: 12 experts (expected a power"
                + " of two). The nearest is 16 in every layer.\n"
                + recipe
                + ": ok\n");
  }

  @Test
  void aProtectedExpertThatDoesNotExist() throws IOException {
    Path recipe = recipe("keep: 50%, protect: {experts: [\"9:1\"]}", "vllm", TEXTS);

    assertThat(Cli.run("recipe", "check", recipe).out())
        .contains("steps[0]: protected expert 9:1 does not exist");
  }

  @Test
  void aMethodWithoutTheCalibrationItNeeds() throws IOException {
    Path recipe = recipe("keep: 50%", "vllm", TEXTS);
    Files.writeString(recipe, Files.readString(recipe).replaceAll("calibration:\n.*\n", ""));

    assertThat(Cli.run("recipe", "check", recipe).out())
        .contains("steps[0]: method easy-ep needs calibration");
  }

  @Test
  void severalRecipesAreOneJsonDocument() throws IOException {
    Path sound = recipe("keep: 50%", "transformers", TEXTS);

    Cli check = Cli.run("recipe", "check", sound, folder.resolve("no.yaml"), "--json");

    assertThat(check.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(check.json().get("passed").asBoolean()).isFalse();
    assertThat(check.json().get("recipes").get(0).get("problems")).isEmpty();
    assertThat(check.json().get("recipes").get(1).get("problems").get(0).asString())
        .contains("no.yaml: no such file");
  }

  @ParameterizedTest
  @MethodSource("examples")
  void theExamplesPass(Path recipe) {
    Cli check = Cli.run("recipe", "check", recipe);
    // Their paths start at the root of the repository, and tests run in a module.
    assertThat(check.out().lines().filter(line -> !line.contains("no such")))
        .as(check.out())
        .hasSize(1);
  }

  static List<Path> examples() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("..", "recipes", "examples"))) {
      return files.sorted().toList();
    }
  }

  // new

  @ParameterizedTest
  @ValueSource(
      strings = {"easy-ep", "reap", "man", "activation", "aimer", "random", "hc-smoe", "sub-moe"})
  void aNewRecipePassesTheCheck(String method) {
    Path recipe = folder.resolve("new.yaml");

    Cli made =
        Cli.run(
            "recipe",
            "new",
            "-o",
            recipe,
            "--model",
            MODEL,
            "--method",
            method,
            "--data",
            TEXTS,
            "--target",
            "sglang");
    Cli check = Cli.run("recipe", "check", recipe);

    assertThat(made.exitCode()).as(made.err()).isZero();
    assertThat(check.out()).isEqualTo(recipe + ": ok\n");
    assertThat(recipe)
        .content()
        .contains("# deepseek_v3: 4 layers, 3 of them with 16 experts, of which a token uses 4;")
        .contains("method: " + method + "\n");
  }

  @Test
  void whatIsCommentedOutIsSoundToo() throws IOException {
    String text =
        Cli.run("recipe", "new", "--model", MODEL, "--data", TEXTS)
            .out()
            .replace("# evaluate:", "evaluate:")
            .replaceAll("(?m)^#   ", "  ")
            .replace("data/held-out.jsonl", "{file: " + TEXTS + ", name: held-out}");
    text = text.substring(text.indexOf("\n\n") + 2);

    Cli check = Cli.run("recipe", "check", Files.writeString(folder.resolve("new.yaml"), text));

    assertThat(check.out()).endsWith("new.yaml: ok\n");
    assertThat(text).contains("\nevaluate:\n");
  }

  @Test
  void aNewRecipeExplainsEveryKey() {
    String text = Cli.run("recipe", "new").out();
    SortedSet<String> keys = new TreeSet<>();
    collectKeys(Json.object(RecipeSchema.text(), "schema"), keys);

    assertThat(keys).isNotEmpty().allMatch(key -> text.contains(key + ":"));
    assertThat(text.lines()).allMatch(line -> line.length() <= 100);
  }

  private static void collectKeys(JsonNode schema, SortedSet<String> keys) {
    for (Map.Entry<String, JsonNode> entry : schema.properties()) {
      if (entry.getKey().equals("properties")) {
        keys.addAll(entry.getValue().propertyNames());
      }
      collectKeys(entry.getValue(), keys);
    }
    schema.values().forEach(value -> collectKeys(value, keys));
  }

  @Test
  void aMisspeltMethodIsSuggested() {
    Cli made = Cli.run("recipe", "new", "--method", "reep");

    assertThat(made.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(made.err()).contains("--method: \"reep\"", "Did you mean \"reap\"?");
  }

  private Path recipe(String budget, String target, Path texts) throws IOException {
    String text =
        """
        model: MODEL
        output: OUTPUT
        target: TARGET
        calibration:
          data: [{file: TEXTS, samples: 2}]
        steps:
          - prune: {method: easy-ep, BUDGET}
        """
            .replace("MODEL", MODEL.toString())
            .replace("OUTPUT", folder.resolve("out").toString())
            .replace("TARGET", target)
            .replace("TEXTS", texts.toString())
            .replace("BUDGET", budget);
    return Files.writeString(folder.resolve("recipe.yaml"), text);
  }
}
