package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.Documents.Block;
import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The files that commands in the documents name, made of small models and texts.
final class DocumentedFiles {
  /// What a terminal shows, by the first line: blocks whose every line is looked for in the output.
  static final Set<String> SHOWN =
      Set.of(
          "$ moepress inspect testdata/models/tiny-deepseekv3",
          "$ moepress recipe check recipe.yaml");

  /// A recipe with the two mistakes that `docs/commands.md` shows.
  static final String MISTAKEN_RECIPE =
      """
      model: MODEL
      output: out/model
      target: vlm


      calibration: {data: [math.jsonl]}

      steps:
        - prune: {method: easyep, keep: 50%}
      """;

  private static final Path MODEL = TestData.path("models/tiny-qwen3moe");
  private static final Path TEXTS = TestData.path("texts");

  private DocumentedFiles() {}

  /// Makes all of them.
  static void make(Path folder) throws IOException {
    Files.createDirectories(folder.resolve("models"));
    for (String name : List.of("MODEL", "models/Qwen3-30B-A3B")) {
      Files.createSymbolicLink(folder.resolve(name), MODEL);
    }
    repository(folder);
    texts(folder);
    recipes(folder);
    reports(folder);
    results(folder);
  }

  /// Links to what the repository has.
  static void repository(Path folder) throws IOException {
    Files.createDirectories(folder);
    for (String name : List.of("testdata", "recipes", "docs")) {
      Files.createSymbolicLink(folder.resolve(name), Documents.ROOT.resolve(name));
    }
  }

  private static void texts(Path folder) throws IOException {
    for (String name : List.of("my-texts", "math", "texts")) {
      first("math.calibration.jsonl", 8, folder.resolve(name + ".jsonl"));
    }
    first("code.calibration.jsonl", 4, folder.resolve("code.jsonl"));
    first("math.evaluation.jsonl", 2, folder.resolve("held-out.jsonl"));
    for (String name : List.of("prose", "code", "math", "drama")) {
      for (String use : List.of(".calibration.jsonl", ".evaluation.jsonl")) {
        first(name + use, 2, folder.resolve(name + use));
      }
    }
  }

  private static void first(String texts, int lines, Path file) throws IOException {
    Files.write(file, Files.readAllLines(TEXTS.resolve(texts)).subList(0, lines));
  }

  private static void recipes(Path folder) throws IOException {
    String recipe = firstRecipe();
    Files.writeString(folder.resolve("recipe.yaml"), recipe);
    String comparison =
        recipe
            .substring(0, recipe.indexOf("steps:"))
            .replaceAll("(?m)^output:.*", "output: out/comparison");
    Files.writeString(
        folder.resolve("comparison.yaml"),
        comparison
            + "compare: {keep: [50%], random: 1, candidates: [prune: {method: easy-ep}]}\n"
            + "evaluate: {data: [held-out.jsonl]}\n");
  }

  /// The recipe that the README prints.
  static String firstRecipe() throws IOException {
    return Documents.blocks("README.md").stream()
        .filter(block -> block.language().equals("yaml"))
        .findFirst()
        .map(Block::text)
        .orElseThrow();
  }

  private static void reports(Path folder) throws IOException {
    ObjectNode kept = Json.mapper().createObjectNode();
    for (int layer = 0; layer < 4; layer++) {
      ArrayNode experts = kept.putArray("model.layers." + layer + ".mlp");
      for (int expert = 0; expert < 16; expert++) {
        experts.add(2 * expert);
      }
    }
    Json.write(folder.resolve("retained.json"), kept);
    Json.write(folder.resolve("report.json"), kept);
  }

  private static void results(Path folder) throws IOException {
    Path gguf = folder.resolve("model.gguf");
    require("convert", MODEL, "-o", gguf, "--to", "Q8_0");
    String statistics = "default,input-square-sum,intermediate-square-sum,linear-input-square-sum";
    Path evidence = folder.resolveSibling("evidence of fixtures");
    Path texts = folder.resolve("texts.jsonl");
    require("calibrate", MODEL, "--data", texts, "--statistics", statistics, "-o", evidence);
    require("evidence", "imatrix", evidence, MODEL, "-o", folder.resolve("imatrix.gguf"));
    Path recipe = folder.resolveSibling("recipe of fixtures.yaml");
    Path output = folder.resolve("out/tiny-qwen3moe-math-half");
    Files.writeString(
        recipe,
        "model: "
            + MODEL
            + "\noutput: "
            + output
            + "\ncalibration: {data: ["
            + texts
            + "]}\nsteps: [prune: {method: easy-ep, keep: 50%}]\n");
    require("run", recipe);
    Files.copy(
        output.resolveSibling(output.getFileName() + ".work/plan.json"),
        folder.resolve("plan.json"));
  }

  private static void require(Object... arguments) {
    Cli run = Cli.run(arguments);
    assertThat(run.exitCode()).as(run.err()).isZero();
  }
}
