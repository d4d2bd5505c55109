package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// GPTQ, from the recipe to the files, on trained models.
class GptqRunTest {
  private static final String GPTQ = "{method: gptq, scheme: W4A16, group-size: 32";

  @TempDir private Path folder;

  /// On the domain it was calibrated on.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tiny-qwen3moe | scheme: W2A16",
        "tiny-mixtral | scheme: W3A16",
        "tiny-mixtral | scheme: W4A16, others: {scheme: W2A16, group-size: 32}",
        "tiny-qwen3moe | allocate: pmq, bits: 2.5, widths: [2, 3], storage: decoded",
      })
  void theModelChangesLessThanByRoundingToNearest(String model, String scheme) throws IOException {
    double nearest = divergence(model, "{method: round-to-nearest, " + scheme);
    double gptq = divergence(model, "{method: gptq, " + scheme);

    assertThat(gptq).isPositive().isLessThan(nearest);
  }

  private double divergence(String model, String step) throws IOException {
    String text =
        text("out" + step.hashCode(), model, 25, step + ", group-size: 32}")
            + "evaluate:\n  data: [{file: "
            + TestData.path("texts/math.evaluation.jsonl")
            + ", samples: 20}]\n";

    Cli run =
        Cli.run("run", Files.writeString(folder.resolve("recipe.yaml"), text), "--json", "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    return run.json()
        .at("/evaluation/after/evaluation/corpora/0/comparison/klDivergence")
        .asDouble();
  }

  @Test
  void theNumberOfThreadsDoesNotChangeABit() throws IOException {
    for (int threads : new int[] {1, 3}) {
      Cli run = Cli.run("run", recipe("" + threads, GPTQ + "}"), "-q", "-j", threads);
      assertThat(run.exitCode()).as(run.err()).isZero();
    }

    for (String file : List.of("model.safetensors", "config.json", "moepress.json")) {
      assertThat(folder.resolve("1").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("3").resolve(file));
    }
    assertThat(Cli.run("verify", folder.resolve("1"), "-q").exitCode()).isZero();
  }

  @Test
  void whatWasFoundIsUsedAgainAndThePlanIsAppliedByItself() throws IOException {
    Path recipe = recipe("out", GPTQ + ", others: {scheme: W8A16, group-size: 32}}");
    Cli run = Cli.run("run", recipe, "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();

    Cli again = Cli.run("plan", recipe);
    Path applied = folder.resolve("applied");
    Path plan = folder.resolve("out.work/plan.json");
    Cli apply = Cli.run("apply", TestData.path("models/tiny-mixtral"), plan, "-o", applied, "-q");

    assertThat(again.exitCode()).as(again.err()).isZero();
    assertThat(again.err()).contains("codes: ").doesNotContain("quantising");
    assertThat(again.out())
        .contains("note: each layer was measured behind its predecessors as they will be")
        .contains("note: 3 experts saw too few calibration tokens")
        .contains("rounded to nearest (layer:expert): [1:0, 1:1, 1:7]");
    assertThat(apply.exitCode()).as(apply.err()).isZero();
    for (String file : List.of("model.safetensors", "moepress.json")) {
      assertThat(applied.resolve(file)).hasSameBinaryContentAs(folder.resolve("out").resolve(file));
    }
  }

  @Test
  void itFollowsAStepThatDropsExperts() throws IOException {
    String text =
        text("out", "tiny-mixtral", 5, GPTQ + "}")
            .replace("  - quantize", "  - prune: {method: frequency, experts: 4}\n  - quantize");

    Cli run = Cli.run("run", Files.writeString(folder.resolve("recipe.yaml"), text), "-q");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(folder.resolve("out/config.json")).content().contains("\"num_local_experts\": 4");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        ", starved: fail} | calibration tokens (expected at least 1)",
        ", gate-power: 2} | gate-power: 2 (expected 0 or 1)",
        ", damping: -1} | damping -1.0 (expected at least 0",
        ", order: random} | expected one of: stored, activation",
        ", scales: best} | expected one of: extremes, search",
        ", min-tokens: 0} | from 1",
      })
  void whatCannotBeDoneIsRefused(String options, String problem) throws IOException {
    Cli run = Cli.run("run", recipe("out", GPTQ + options), "-q");

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains(problem);
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void whatHasCodesIsRefusedBeforeAnyAreSought() throws IOException {
    Cli.run("run", recipe("codes", GPTQ.replace("gptq", "round-to-nearest") + "}"), "-q");
    Path recipe = recipe("out", GPTQ + "}");
    String text = Files.readString(recipe);
    String model = TestData.path("models/tiny-mixtral").toString();
    Files.writeString(recipe, text.replace(model, folder.resolve("codes").toString()));

    Cli run = Cli.run("run", recipe);

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains("stored in low precision").doesNotContain("quantising");
  }

  @Test
  void textsAreNeededAndMemoryToo() throws IOException {
    Path recipe = recipe("out", GPTQ + "}");
    Cli little = Cli.run("run", recipe, "--max-memory", "513MiB", "-q");
    String text = Files.readString(recipe).replaceFirst("(?s)calibration:.*steps", "steps");
    Cli none = Cli.run("run", Files.writeString(recipe, text), "-q");

    assertThat(little.err()).contains("--max-memory");
    assertThat(none.err()).contains("method gptq needs calibration");
  }

  private Path recipe(String name, String step) throws IOException {
    return Files.writeString(folder.resolve(name + ".yaml"), text(name, "tiny-mixtral", 5, step));
  }

  private String text(String name, String model, int samples, String step) {
    return "model: "
        + TestData.path("models/" + model)
        + "\noutput: "
        + folder.resolve(name)
        + "\ncalibration:\n  data: [{file: "
        + TestData.path("texts/math.calibration.jsonl")
        + ", samples: "
        + samples
        + "}]\nsteps:\n  - quantize: "
        + step
        + "\n";
  }
}
