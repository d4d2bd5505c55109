package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.gguf.GgufFile;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// Recipes that end in a GGUF file.
class GgufRecipeTest {
  private static final String PRUNE = "prune: {method: frequency, keep: 50%}";

  @TempDir private Path folder = Path.of("");

  private Path recipe(String name, Path output, String step, String more) throws IOException {
    return Files.writeString(
        folder.resolve(name),
        String.join(
            "\n",
            "model: " + TestData.path("models/tiny-qwen3moe"),
            "output: " + output,
            "target: llama.cpp",
            "calibration:",
            "  data: [{file: " + TestData.path("texts/math.calibration.jsonl") + ", samples: 2}]",
            "  max-tokens: 64",
            "steps: [" + step + "]",
            more));
  }

  private static Cli run(Object... arguments) {
    Cli run = Cli.run(arguments);
    assertThat(run.exitCode()).as(run.err() + run.out()).isZero();
    return run;
  }

  /// In one pass comes what comes in two, byte for byte, and nothing else is left on the disk.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        PRUNE,
        "merge: {method: hc-smoe, keep: 50%}",
        "merge: {method: sub-moe, experts: 16, rank: 50%}"
      })
  void onePassOrTwo(String step) throws IOException {
    Path between = folder.resolve("tiny-qwen3moe"); // the name stands in the file
    Path twice = folder.resolve("twice.gguf");
    Path once = folder.resolve("once.gguf");

    run("run", recipe("two.yaml", between, step, ""), "-q");
    run("convert", between, "-o", twice, "--to", "Q4_0", "-q");
    run("run", recipe("one.yaml", once, step, "gguf: {type: Q4_0}"), "-q");

    assertThat(Files.mismatch(once, twice)).isEqualTo(-1);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> String.valueOf(file.getFileName())))
          .containsExactlyInAnyOrder(
              "tiny-qwen3moe",
              "tiny-qwen3moe.work",
              "twice.gguf",
              "once.gguf",
              "once.gguf.work",
              "one.yaml",
              "two.yaml");
    }
  }

  /// The decoded weights are what is evaluated, and the size is that of the file.
  @Test
  void theFileIsEvaluated() throws IOException {
    String evaluate =
        "evaluate: {data: [{file: "
            + TestData.path("texts/math.evaluation.jsonl")
            + ", samples: 2}], max-tokens: 64, baselines: [frequency]}";
    Path output = folder.resolve("out.gguf");

    ObjectNode exact = run("run", recipe("f32.yaml", output, PRUNE, evaluate), "--json").json();
    long bytes = Files.size(output);
    ObjectNode coarse =
        run(
                "run",
                recipe("q2.yaml", output, PRUNE, "gguf: {type: Q4_0, pure: true}\n" + evaluate),
                "--json",
                "--overwrite")
            .json();

    // BF16 stays BF16, so the file is as good as the same experts of the checkpoint
    assertThat(perplexity(exact, "after")).isEqualTo(baseline(exact));
    assertThat(exact.get("after").get("bytes").asLong()).isEqualTo(bytes);
    assertThat(perplexity(coarse, "after")).isNotEqualTo(baseline(coarse));
    assertThat(perplexity(coarse, "after") / baseline(coarse)).isBetween(0.9, 1.2);
    assertThat(coarse.get("after").get("bytes").asLong()).isEqualTo(Files.size(output));
  }

  private static double perplexity(ObjectNode result, String which) {
    return result.at("/evaluation/" + which + "/evaluation/corpora/0/perplexity").asDouble();
  }

  private static double baseline(ObjectNode result) {
    return result.at("/evaluation/baselines/0/evaluation/corpora/0/perplexity").asDouble();
  }

  @Test
  void theSameCommandAgainFindsEverythingDone() throws IOException {
    Path output = folder.resolve("out.gguf");
    Path recipe = recipe("r.yaml", output, PRUNE, "gguf: {fit: 4MiB}");
    run("run", recipe, "-q");
    byte[] first = Files.readAllBytes(output);

    Cli again = run("run", recipe);
    Cli other = Cli.run("run", recipe("r.yaml", output, PRUNE, "gguf: {type: Q8_0}"));

    assertThat(first.length).isLessThan(4 << 20);
    assertThat(again.err()).contains("is there already, by the same plan: kept");
    assertThat(Files.readAllBytes(output)).isEqualTo(first);
    assertThat(other.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(other.err()).contains("out.gguf: the output exists");
    try (GgufFile file = GgufFile.open(output)) {
      assertThat(file.whole("qwen3moe.expert_count")).contains(16L);
    }
  }

  @Test
  void mistakesAreFoundBeforeAnythingIsMeasured() throws IOException {
    Path output = folder.resolve("out.gguf");
    String pattern = "gguf: {tensor-type: [nothing=Q8_0]}";
    Cli name = Cli.run("run", recipe("r.yaml", output, PRUNE, pattern));
    Cli file = Cli.run("run", recipe("r.yaml", output, PRUNE, "gguf: {imatrix: missing.gguf}"));
    Path occupied = Files.writeString(folder.resolve("mine.gguf"), "mine");
    Cli there = Cli.run("run", recipe("r.yaml", occupied, PRUNE, ""));

    Cli check =
        Cli.run(
            "recipe", "check", recipe("r.yaml", output, PRUNE, "gguf: {imatrix: missing.gguf}"));
    Cli other = Cli.run("recipe", "check", recipe("r.yaml", output, PRUNE, pattern));

    assertThat(check.out()).contains("r.yaml:8: gguf: missing.gguf: no such file");
    assertThat(other.out()).contains("r.yaml:8: gguf: pattern nothing: no matrix has such a name");
    assertThat(name.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(name.err()).contains("pattern nothing: no matrix has such a name");
    assertThat(file.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(file.err()).contains("missing.gguf");
    assertThat(there.err()).contains("mine.gguf: the output exists");
    assertThat(folder.resolve("out.gguf.work/evidence")).doesNotExist();
  }

  /// What somebody else has put in the place of the result is found before anything is measured.
  @Test
  void aFileThatTookThePlaceOfTheResultIsInTheWay() throws IOException {
    Path output = folder.resolve("out.gguf");
    run("run", recipe("r.yaml", output, PRUNE, "gguf: {type: Q4_0}"), "-q");
    Files.writeString(output, "mine");

    Path other = recipe("r.yaml", output, "prune: {method: reap, keep: 25%}", "");
    Cli there = Cli.run("run", other);

    assertThat(there.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(there.err()).contains("out.gguf: the output exists").doesNotContain("evidence:");
    assertThat(output).hasContent("mine");
  }

  @Test
  void planSaysHowLargeTheFileWillBe() throws IOException {
    Path output = folder.resolve("out.gguf");

    Cli plan = run("plan", recipe("r.yaml", output, PRUNE, "gguf: {type: Q4_0}"));
    run("run", recipe("r.yaml", output, PRUNE, "gguf: {type: Q4_0}"), "-q");

    String size = new ByteSize(Files.size(output)).rounded();
    assertThat(plan.err() + plan.out()).contains("; " + size + " of disk");
  }
}
