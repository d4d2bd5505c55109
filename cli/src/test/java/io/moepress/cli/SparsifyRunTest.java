package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Weights set to zero, from the recipe to the files.
class SparsifyRunTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({"'sparsity: 40%', false", "'pattern: 2:4', true"})
  void everyRowOfEveryExpertLosesExactlySoMany(String zeros, boolean runs) throws IOException {
    run("out", "- sparsify: {method: wanda, starved: magnitude, " + zeros + "}");

    try (CheckpointDirectory source = CheckpointDirectory.open(MODEL);
        CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("out"));
        Arena arena = Arena.ofConfined()) {
      assertThat(written.tensors()).isEqualTo(source.tensors());
      for (TensorInfo info : source.tensors().values()) {
        TensorData before = source.read(info.name(), arena);
        TensorData after = written.read(info.name(), arena);
        if (info.name().contains(".experts.")) {
          assertZeros(before, after, runs);
        } else {
          assertThat(after.bytes().mismatch(before.bytes())).as(info.name()).isEqualTo(-1);
        }
      }
      assertThat(written.config().text()).isEqualTo(source.config().text());
    }
  }

  /// No weight of a trained model is zero.
  private static void assertZeros(TensorData before, TensorData after, boolean runs) {
    int columns = Math.toIntExact(before.info().shape().dimension(1));
    float[] old = Numbers.floats(before);
    float[] now = Numbers.floats(after);
    for (int row = 0; row < old.length / columns; row++) {
      int zeros = 0;
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        zeros += now[i] == 0 ? 1 : 0;
        assertThat(now[i] == 0 || now[i] == old[i]).isTrue();
        if (runs && i % 4 == 3) {
          assertThat(zeros)
              .as("%s row %d", before.info().name(), row)
              .isEqualTo((i % columns + 1) / 2);
        }
      }
      assertThat(zeros)
          .as("%s row %d", before.info().name(), row)
          .isEqualTo(runs ? columns / 2 : columns * 2 / 5);
    }
  }

  @Test
  void laterLayersLoseOtherWeightsBehindPrunedOnes() throws IOException {
    run("sequential", "- sparsify: {method: wanda, sparsity: 40%}");
    run("at-once", "- sparsify: {method: wanda, sparsity: 40%, sequential: false}");

    for (int layer = 0; layer < 4; layer++) {
      assertThat(digests("sequential", layer).equals(digests("at-once", layer)))
          .as("layer %d", layer)
          .isEqualTo(layer == 0);
    }
    assertThat(folder.resolve("sequential.work/evidence-sequential-1")).isDirectory();
    assertThat(folder.resolve("sequential.work/evidence")).doesNotExist();
    assertThat(folder.resolve("at-once.work/evidence")).isDirectory();
  }

  private List<String> digests(String output, int layer) throws IOException {
    return Json.object(folder.resolve(output).resolve("moepress.json"))
        .get("tensors")
        .propertyStream()
        .filter(tensor -> tensor.getKey().startsWith("model.layers." + layer + "."))
        .map(tensor -> tensor.getValue().get("sha256").asString())
        .toList();
  }

  @Test
  void thePlanSaysWhatIsReachedAndWhatItIsGoodFor() throws IOException {
    Cli plan =
        Cli.run("plan", recipe("out", true, "- sparsify: {method: wanda, sparsity: 25%}"), "-q");

    assertThat(plan.exitCode()).as(plan.err()).isZero();
    assertThat(plan.out())
        .contains("zeros 25%: expert, expert-down")
        .contains("expert without [0, 1, 7]")
        .contains("note: zeros: 21.88% of the 3,145,728 weights in scope (feed-forward)")
        .contains("4 experts saw no calibration token, so all their weights stay (layer:expert)")
        .contains("no stock runtime loads the result in less memory")
        .contains("each layer was measured behind its predecessors");
    assertThat(folder.resolve("out.work/plan.arrays.safetensors")).exists();
    assertThat(Files.readString(folder.resolve("out.work/plan.json")))
        .contains("\"sparsify-weights\"")
        .doesNotContain("sparsity_config");
  }

  @Test
  void itFollowsAStepThatDropsExpertsAndThePlanIsAppliedByItself() throws IOException {
    run(
        "out",
        "- prune: {method: frequency, experts: 6}",
        "- sparsify: {method: owl, sparsity: 30%, lambda: 0.05, outlier-threshold: 3}");

    Path applied = folder.resolve("applied");
    Cli apply = Cli.run("apply", MODEL, folder.resolve("out.work/plan.json"), "-o", applied, "-q");

    assertThat(apply.exitCode()).as(apply.err()).isZero();
    for (String file : List.of("model.safetensors", "moepress.json")) {
      assertThat(applied.resolve(file)).hasSameBinaryContentAs(folder.resolve("out").resolve(file));
    }
    assertThat(Cli.run("verify", applied, "-q").exitCode()).isZero();
  }

  @Test
  void whatWasMeasuredIsUsedAgain() throws IOException {
    String step = "- sparsify: {method: owl, sparsity: 30%}";
    Cli.run("plan", recipe("out", true, step), "-q");

    Cli again = Cli.run("plan", recipe("out", true, step));

    assertThat(again.err())
        .contains("evidence: reused " + folder.resolve("out.work/evidence "))
        .contains("evidence: reused " + folder.resolve("out.work/evidence-sequential-1"))
        .doesNotContain("calibrating");
  }

  @Test
  void magnitudeNeedsNoTexts() throws IOException {
    Cli plan =
        Cli.run(
            "plan", recipe("out", false, "- sparsify: {method: magnitude, sparsity: 40%}"), "-q");

    assertThat(plan.exitCode()).as(plan.err()).isZero();
    assertThat(folder.resolve("out.work/plan.arrays.safetensors")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "- sparsify: {method: wanda, sparsity: 40%} | method wanda needs calibration",
        "- sparsify: {method: magnitude, pattern: 7:1000} | (expected a multiple of 1000)",
      })
  void whatCannotBeDoneIsSaidBeforeAnythingIsMeasured(String step, String problem)
      throws IOException {
    Cli run = Cli.run("run", recipe("out", false, step));
    Cli check = Cli.run("recipe", "check", recipe("out", false, step));

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains(problem).doesNotContain("calibrating");
    assertThat(check.out()).contains(problem);
  }

  private void run(String output, String... steps) throws IOException {
    Cli run = Cli.run("run", recipe(output, true, steps), "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
  }

  private Path recipe(String name, boolean calibrated, String... steps) throws IOException {
    StringBuilder text = new StringBuilder();
    text.append("model: ").append(MODEL).append('\n');
    text.append("output: ").append(folder.resolve(name)).append('\n');
    if (calibrated) {
      text.append("calibration:\n  data: [{file: ")
          .append(TestData.path("texts/math.calibration.jsonl"))
          .append(", samples: 5}]\n");
    }
    text.append("steps:\n");
    for (String step : steps) {
      text.append("  ").append(step).append('\n');
    }
    return Files.writeString(folder.resolve(name + ".yaml"), text);
  }
}
