package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Comparing from end to end on a trained model.
class CompareCommandTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");
  private static final String TWO =
      "keep: [75%, 50%], candidates: [prune: {method: easy-ep}, prune: {method: reap}]";

  @TempDir private Path folder = Path.of("");

  @Test
  void everyCandidateIsComparedWithTheOriginal() throws IOException {
    Cli compare = Cli.run("compare", recipe(TWO), "--json");

    assertThat(compare.exitCode()).as(compare.err()).isZero();
    ObjectNode report = compare.json();
    assertThat(titles(report))
        .containsExactly(
            "easy-ep 75%",
            "easy-ep 50%",
            "reap 75%",
            "reap 50%",
            "random 75% seed 42",
            "random 75% seed 43",
            "random 75% seed 44",
            "random 50% seed 42",
            "random 50% seed 43",
            "random 50% seed 44");
    assertThat(report.get("original").get("evaluation").has("comparison")).isFalse();
    double original = perplexity(report.get("original"));
    for (JsonNode candidate : report.get("candidates")) {
      assertThat(candidate.get("evaluation").get("comparison").get("klDivergence").asDouble())
          .as(candidate.get("name").asString())
          .isPositive();
      assertThat(candidate.get("size").get("experts").asInt())
          .isEqualTo(candidate.get("budget").asString().equals("75%") ? 6 : 4);
    }
    assertThat(perplexity(report.get("candidates").get(1))).isBetween(original, 1.2 * original);
    assertThat(files("out"))
        .containsExactly(
            "comparison.csv",
            "comparison.json",
            "comparison.md",
            "comparison.png",
            "comparison.svg");
    assertThat(folder.resolve("out/comparison.md"))
        .content()
        .contains("| `easy-ep` | 75% |", "![Perplexity by size, tiny-mixtral](comparison.svg)");
    assertThat(files("")).containsExactly("out", "out.work", "recipe.yaml");
    assertThat(compare.err()).containsOnlyOnce("calibrating: ").contains("written: ");
  }

  /// What is compared without being written is what would be written.
  @Test
  void theNumbersAreThoseOfARun() throws IOException {
    Cli compare =
        Cli.run(
            "compare",
            recipe("random: 0, candidates: [prune: {method: easy-ep, keep: 50%}]"),
            "--json",
            "-q");
    String text = Files.readString(folder.resolve("recipe.yaml"));
    Path run =
        Files.writeString(
            folder.resolve("run.yaml"),
            text.replaceAll("compare:.*", "steps: [prune: {method: easy-ep, keep: 50%}]")
                .replace(folder.resolve("out").toString(), folder.resolve("half").toString()));

    JsonNode written = Cli.run("run", run, "--json", "-q").json();

    assertThat(compare.exitCode()).as(compare.err()).isZero();
    JsonNode candidate = compare.json().get("candidates").get(0);
    assertThat(candidate.get("plan")).isEqualTo(written.get("plan"));
    assertThat(candidate.get("size")).isEqualTo(written.get("after"));
    assertThat(candidate.get("evaluation"))
        .isEqualTo(written.get("evaluation").get("after").get("evaluation"));
    assertThat(compare.json().get("original").get("evaluation"))
        .isEqualTo(written.get("evaluation").get("before").get("evaluation"));
  }

  @Test
  void whatIsFinishedIsNotDoneAgain() throws IOException {
    Path recipe = recipe("random: 0, " + TWO);
    Cli.run("compare", recipe);

    Cli again = Cli.run("compare", recipe, "--overwrite", "--json");

    assertThat(again.exitCode()).as(again.err()).isZero();
    assertThat(again.err())
        .contains("evaluations: reused " + folder.resolve("out.work/comparison"))
        .doesNotContain("calibrating: ", "evaluating ");
    assertThat(again.json().get("candidates")).hasSize(4);
  }

  @Test
  void aFurtherCandidateIsTheOnlyOneThatIsEvaluated() throws IOException {
    Cli first = Cli.run("compare", recipe("random: 0, " + TWO), "--json");

    Cli second =
        Cli.run(
            "compare",
            recipe(
                "random: 0, " + TWO.replaceAll("]$", ", prune: {method: frequency, keep: 50%}]")),
            "--overwrite",
            "--json");

    assertThat(second.exitCode()).as(second.err()).isZero();
    assertThat(second.err())
        .contains("evaluating the original: ", "evaluating frequency at 50%: ", "4 of 5 reused")
        .doesNotContain("evaluating easy-ep", "evaluating reap");
    for (int i = 0; i < 4; i++) {
      assertThat(second.json().get("candidates").get(i))
          .isEqualTo(first.json().get("candidates").get(i));
    }
  }

  @Test
  void otherTextsAreEvaluatedAnew() throws IOException {
    Path recipe = recipe("random: 0, keep: [50%], candidates: [prune: {method: easy-ep}]");
    Cli.run("compare", recipe);
    Files.writeString(
        recipe,
        Files.readString(recipe)
            .replace("evaluation.jsonl, samples: 4", "evaluation.jsonl, samples: 3"));

    Cli second = Cli.run("compare", recipe, "--overwrite");

    assertThat(second.err())
        .contains("evaluating the original: ", "evaluating easy-ep at 50%: ", "evidence: reused ")
        .doesNotContain("evaluations: ");
  }

  @Test
  void aDamagedNoteIsMadeAgain() throws IOException {
    Path recipe = recipe("random: 0, keep: [50%], candidates: [prune: {method: easy-ep}]");
    Cli.run("compare", recipe);
    try (Stream<Path> notes = Files.list(folder.resolve("out.work/comparison"))) {
      for (Path note : notes.toList()) {
        Files.writeString(note, Files.readString(note).substring(0, 40));
      }
    }

    Cli second = Cli.run("compare", recipe, "--overwrite");

    assertThat(second.exitCode()).as(second.err()).isZero();
    assertThat(second.err()).contains("evaluating the original: ", "evaluating easy-ep at 50%: ");
  }

  @Test
  void numbersDoNotDependOnThreads() throws IOException {
    Path recipe = recipe("random: 1, keep: [50%], candidates: [prune: {method: easy-ep}]");

    JsonNode one = Cli.run("compare", recipe, "-j", 1, "--json", "-q").json();
    Cli five =
        Cli.run("compare", recipe, "-j", 5, "-w", folder.resolve("w"), "--overwrite", "--json");

    assertThat(five.exitCode()).as(five.err()).isZero();
    for (int i = 0; i < 2; i++) {
      assertThat(five.json().get("candidates").get(i).get("evaluation"))
          .isEqualTo(one.get("candidates").get(i).get("evaluation"));
    }
  }

  @Test
  void oneThatFailsIsToldAndTheOthersGoOn() throws IOException {
    Cli compare =
        Cli.run(
            "compare", recipe("random: 1, experts: [4, 1], candidates: [prune: {method: reap}]"));

    assertThat(compare.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(compare.out())
        .contains("reap            4", "reap            1  failed [1]")
        .contains("[1] reap at 1: 1 of 8 experts would stay in each layer, but every token uses 2");
    assertThat(compare.err()).contains("moepress: reap at 1: 1 of 8 experts would stay");
    assertThat(folder.resolve("out/comparison.md")).content().contains("| `reap` | 1 | failed [1]");
    JsonNode failed = Json.object(folder.resolve("out/comparison.json")).get("candidates").get(1);
    assertThat(failed.get("failure").asString()).startsWith("1 of 8 experts would stay");
    assertThat(failed.has("evaluation")).isFalse();
  }

  /// Steps behind the first are measured on what the first leaves, each for its own candidate.
  @Test
  void aCandidateMayHaveSeveralSteps() throws IOException {
    Cli compare =
        Cli.run(
            "compare",
            recipe(
                "random: 0, experts: [4], candidates: [{name: in two, steps: [prune: {method:"
                    + " frequency, experts: 6}, prune: {method: reap}]}, prune: {method: reap}]"),
            "--json");

    assertThat(compare.exitCode()).as(compare.err()).isZero();
    JsonNode candidates = compare.json().get("candidates");
    assertThat(titles(compare.json())).containsExactly("in two 6 + 4", "reap 4");
    assertThat(candidates.get(0).get("size")).isEqualTo(candidates.get(1).get("size"));
    assertThat(candidates.get(0).get("plan")).isNotEqualTo(candidates.get(1).get("plan"));
    assertThat(files("out.work")).anyMatch(name -> name.startsWith("evidence-in-two-at-6-4-"));
  }

  @Test
  void evidenceMayBeBroughtAlong() throws IOException {
    Path recipe = recipe("random: 0, keep: [50%], candidates: [prune: {method: easy-ep}]");
    Cli.run("compare", recipe, "-q");
    Path evidence = folder.resolve("out.work/evidence");

    Cli second =
        Cli.run(
            "compare", recipe, "--overwrite", "-w", folder.resolve("w"), "--evidence", evidence);

    assertThat(second.exitCode()).as(second.err()).isZero();
    assertThat(second.err()).doesNotContain("calibrating: ");
  }

  @Test
  void nothingButAComparisonIsEverReplaced() throws IOException {
    Path recipe = recipe("random: 0, keep: [50%], candidates: [prune: {method: random}]");
    Path out = Files.createDirectories(folder.resolve("out"));
    Files.writeString(out.resolve("model.safetensors"), "weights");

    assertThat(Cli.run("compare", recipe).err()).contains("exists and is not empty");
    Cli compare = Cli.run("compare", recipe, "--overwrite");

    assertThat(compare.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(compare.err())
        .contains("out: holds no comparison.json (expected a comparison to replace).")
        .doesNotContain("evaluating");
    assertThat(out.resolve("model.safetensors")).hasContent("weights");
  }

  @Test
  void recipesThatCompareAreForThisCommandAlone() throws IOException {
    Path recipe = recipe(TWO);
    for (String command : List.of("run", "plan")) {
      Cli other = Cli.run(command, recipe);
      assertThat(other.exitCode()).as(command).isEqualTo(ExitCode.USAGE);
      assertThat(other.err()).contains("compares and has no steps", "Run moepress compare ");
    }
    Files.writeString(
        recipe,
        Files.readString(recipe)
            .replaceAll("compare:.*", "steps: [prune: {method: random, keep: 50%}]"));

    Cli compare = Cli.run("compare", recipe);

    assertThat(compare.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(compare.err()).contains("compares nothing (expected \"compare\"");
  }

  @Test
  void aRecipeThatComparesIsCheckedAsOthersAre() throws IOException {
    Path recipe = recipe(TWO);
    assertThat(Cli.run("recipe", "check", recipe).out()).isEqualTo(recipe + ": ok\n");
    String text = Files.readString(recipe);
    Files.writeString(
        recipe, text.replaceAll("calibration:.*\n", "").replace("[75%, 50%]", "[75%, 10%]"));

    Cli check = Cli.run("recipe", "check", recipe);

    assertThat(check.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(check.out())
        .contains(":3: compare: method easy-ep needs calibration")
        .contains(":3: compare: method reap needs calibration")
        .contains(":3: compare: easy-ep at 10%: 1 of 8 experts would stay")
        .endsWith("5 problems\n");
    Files.writeString(recipe, text.replace("reap", "reep").replace("keep", "kep"));
    assertThat(Cli.run("recipe", "check", recipe).out())
        .contains("\"reep\" (expected one of", "unknown key \"kep\" in \"compare\"");
  }

  private Path recipe(String comparison) throws IOException {
    String text =
        """
        model: MODEL
        output: OUTPUT
        calibration: {data: [{file: TEXTS, samples: 4}]}
        compare: {COMPARISON}
        evaluate: {data: [{file: HELD-OUT, samples: 4}, {file: CHOICES, samples: 4, name: questions}]}
        """
            .replace("MODEL", MODEL.toString())
            .replace("OUTPUT", folder.resolve("out").toString())
            .replace("TEXTS", TestData.path("texts/math.calibration.jsonl").toString())
            .replace("HELD-OUT", TestData.path("texts/math.evaluation.jsonl").toString())
            .replace("CHOICES", TestData.path("texts/math.choices.jsonl").toString())
            .replace("COMPARISON", comparison);
    return Files.writeString(folder.resolve("recipe.yaml"), text);
  }

  private static List<String> titles(JsonNode report) {
    List<String> titles = new ArrayList<>();
    for (JsonNode it : report.get("candidates")) {
      String title = it.get("name").asString() + " " + it.get("budget").asString();
      titles.add((title + " " + it.get("draw").asString()).strip());
    }
    return titles;
  }

  private static double perplexity(JsonNode outcome) {
    return outcome.get("evaluation").get("corpora").get(0).get("perplexity").asDouble();
  }

  private List<String> files(String name) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve(name))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
