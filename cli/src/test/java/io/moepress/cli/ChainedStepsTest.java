package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Two steps in one recipe, the second measured on what the first leaves of the model.
class ChainedStepsTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");
  private static final String FIRST = "{method: frequency, experts: 6}";
  private static final String SECOND = "{method: easy-ep, experts: 4}";

  @TempDir private Path folder;

  @BeforeEach
  void runBothAtOnce() throws IOException {
    Cli run = Cli.run("run", recipe("chained", MODEL, FIRST, SECOND), "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
  }

  @Test
  void theResultIsThatOfTwoRecipes() throws IOException {
    Cli.run("run", recipe("one", MODEL, FIRST), "-q");
    Cli.run("run", recipe("two", folder.resolve("one"), SECOND), "-q");

    for (String file : List.of("model.safetensors", "config.json")) {
      assertThat(folder.resolve("chained").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("two").resolve(file));
    }
    assertThat(folder.resolve("chained.work/evidence-2/evidence.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("two.work/evidence/evidence.safetensors"));
  }

  @Test
  void theManifestAccountsForEveryTensorOfTheSource() throws IOException {
    JsonNode manifest = Json.object(folder.resolve("chained/moepress.json"));
    long kept = manifest.get("tensors").valueStream().count();
    long dropped = manifest.get("dropped").valueStream().count();
    // 4 layers, 4 of 8 experts of three matrices each
    assertThat(dropped).isEqualTo(4 * 4 * 3);
    JsonNode source = Json.object(folder.resolve("chained/moepress.json")).get("source");
    assertThat(source)
        .isEqualTo(
            Json.object(folder.resolve("chained.work/plan.json")).at("/previous/checkpoint"));
    assertThat(kept + dropped).isEqualTo(manifestOfAll());
  }

  private long manifestOfAll() throws IOException {
    Cli.run("run", recipe("all", MODEL, "{method: frequency, keep: 100%}"), "-q");
    return Json.object(folder.resolve("all/moepress.json")).get("tensors").valueStream().count();
  }

  @Test
  void thePlanIsAppliedByItself() throws IOException {
    Path output = folder.resolve("applied");

    Cli apply =
        Cli.run("apply", MODEL, folder.resolve("chained.work/plan.json"), "-o", output, "-q");

    assertThat(apply.exitCode()).as(apply.err()).isZero();
    assertThat(output.resolve("model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("chained/model.safetensors"));
    assertThat(output.resolve("moepress.json"))
        .hasSameBinaryContentAs(folder.resolve("chained/moepress.json"));
  }

  @Test
  void theTextShowsBothSteps() {
    Cli plan = Cli.run("plan", folder.resolve("chained.yaml"), "-q");

    assertThat(plan.out())
        .contains("step 1")
        .contains("step 2")
        .contains("6 of 8")
        .contains("4 of 6");
  }

  @Test
  void aMistakeInALaterStepIsFoundBeforeAnythingIsMeasured() throws IOException {
    Cli run = Cli.run("run", recipe("late", MODEL, FIRST, "{method: easy-ep, experts: 7}"));

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(run.err()).contains("7 experts to keep, but the layer has only 6");
    assertThat(run.err()).doesNotContain("calibrating");
  }

  @Test
  void recipeCheckLooksAtAllSteps() throws IOException {
    Cli check =
        Cli.run("recipe", "check", recipe("late", MODEL, FIRST, "{method: easy-ep, experts: 7}"));

    assertThat(check.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(check.out()).contains("7 experts to keep, but the layer has only 6");
  }

  private Path recipe(String name, Path model, String... steps) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("model: ").append(model).append('\n');
    text.append("output: ").append(folder.resolve(name)).append('\n');
    text.append("calibration:\n  data: [{file: ")
        .append(TestData.path("texts/math.calibration.jsonl"))
        .append(", samples: 5}]\nsteps:\n");
    for (String step : steps) {
      text.append("  - prune: ").append(step).append('\n');
    }
    return Files.writeString(folder.resolve(name + ".yaml"), text);
  }
}
