package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/// Reports of retained experts, from other tools and for them.
class RetainedExpertsCommandTest {
  private static final Path MODEL = TestData.path("models/tiny-mixtral");

  @TempDir private Path folder = Path.of("");

  /// A plan, told as a report and read back, makes the same weights.
  @Test
  void aPlanGoesRoundAsAReport() throws IOException {
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "model: "
                + MODEL
                + "\noutput: "
                + folder.resolve("ours")
                + "\nsteps: [prune: {method: random, keep: 50%}]\n");
    Cli run = Cli.run("run", recipe, "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
    Path plan = folder.resolve("ours.work/plan.json");
    Path report = folder.resolve("retained.json");

    Cli explain = Cli.run("explain", plan, "--retained-experts", report);
    Cli apply = Cli.run("apply", MODEL, report, "-o", folder.resolve("theirs"));

    assertThat(explain.exitCode()).as(explain.err()).isZero();
    assertThat(explain.out()).contains("random", "4 of 8: ");
    assertThat(Json.object(report).propertyNames())
        .containsExactly(
            "model.layers.0.block_sparse_moe",
            "model.layers.1.block_sparse_moe",
            "model.layers.2.block_sparse_moe",
            "model.layers.3.block_sparse_moe");
    assertThat(apply.exitCode()).as(apply.err()).isZero();
    assertThat(folder.resolve("theirs/model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("ours/model.safetensors"));
    assertThat(folder.resolve("theirs/config.json"))
        .hasSameBinaryContentAs(folder.resolve("ours/config.json"));
  }

  @Test
  void aReportIsShownAsAPlanWithItsOrigin() throws IOException {
    Path report = report("[0, 3, 5, 6]");
    Path file = folder.resolve("plan.json");

    Cli plan =
        Cli.run(
            "plan", MODEL, "--retained-experts", report, "-o", file, "--target", "vllm", "--json");

    assertThat(plan.exitCode()).as(plan.err()).isZero();
    String digest = Fingerprint.ofText(Files.readString(report));
    ObjectNode document = plan.json();
    assertThat(Json.object(file)).isEqualTo(document);
    assertThat(document.get("target").asString()).isEqualTo("vllm");
    assertThat(document.get("evidence").asString()).isEqualTo(digest);
    assertThat(document.get("notes").get(0).asString())
        .isEqualTo("the experts are those that retained.json retains, " + digest);
    assertThat(document.get("steps").get(2).get("method").asString()).isEqualTo("retained-experts");
    assertThat(document.get("steps").get(2).get("kept").toString()).isEqualTo("[0,3,5,6]");
    Cli apply = Cli.run("apply", MODEL, file, "-o", folder.resolve("out"), "--dry-run");
    assertThat(apply.exitCode()).as(apply.err()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{\"0\": [0, 1], \"1\": [0, 1], \"3\": [0, 1]}|layers [2] are missing (expected every layer"
            + " with experts, [0, 1, 2, 3]). List all 8 experts of a layer that keeps all.",
        "{\"0\": [0, 1], \"9\": [0, 1]}|layer 9 has no routed experts (expected the layers [0, 1, 2,"
            + " 3]). Is it a report of this model?",
        "{\"0\": [0, 8]}|layer 0: expert 8 (expected 0 to 7). Is it a report of this model?",
        "{\"0\": [0, 0]}|\"0\": an expert is listed twice: [0, 0]",
        "{\"steps\": []}|key \"steps\" names no layer (expected a plan, or a report such as",
      })
  void whatDoesNotFitTheModelIsRefused(String text, String message) throws IOException {
    Path report = Files.writeString(folder.resolve("retained.json"), text);

    Cli apply = Cli.run("apply", MODEL, report, "-o", folder.resolve("out"));

    assertThat(apply.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(apply.err()).contains(report + ": " + message);
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void unequalCountsAreRefusedWithTheNearestThatLoads() throws IOException {
    Path report = report("[0, 3, 5, 6]");
    Files.writeString(report, Files.readString(report).replaceFirst("\\[0, 3, 5, 6]", "[0, 1, 2]"));

    Cli apply = Cli.run("apply", MODEL, report, "-o", folder.resolve("out"));

    assertThat(apply.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(apply.err())
        .contains("uniform-experts: 3 experts in layers [0], 4 experts in layers [1, 2, 3]")
        .contains("The nearest is 4");
  }

  @Test
  void tooFewForTheRouterIsRefused() throws IOException {
    Cli apply = Cli.run("apply", MODEL, report("[5]"), "-o", folder.resolve("out"));

    assertThat(apply.err()).contains("1 of 8 experts would stay in each layer, but every token");
  }

  @Test
  void aPlanSaysItsTargetItself() throws IOException {
    Path plan = folder.resolve("plan.json");
    Cli.run("plan", MODEL, "--retained-experts", report("[0, 1]"), "-o", plan, "-q");

    Cli apply = Cli.run("apply", MODEL, plan, "-o", folder.resolve("out"), "--target", "vllm");

    assertThat(apply.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(apply.err()).contains("is a plan, which says its target");
  }

  @Test
  void aReportNeedsAPlanAndAFreeName() throws IOException {
    Path report = report("[0, 1]");
    Path plan = folder.resolve("plan.json");
    Cli.run("plan", MODEL, "--retained-experts", report, "-o", plan, "-q");

    Cli none = Cli.run("explain", "reap", "--retained-experts", folder.resolve("new.json"));
    Cli taken = Cli.run("explain", plan, "--retained-experts", report);

    assertThat(none.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(none.err()).contains("--retained-experts: no plan (expected the file of a plan)");
    assertThat(taken.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(taken.err()).contains(report + ": the file exists");
  }

  private Path report(String kept) throws IOException {
    StringBuilder text = new StringBuilder("{");
    for (int layer = 0; layer < 4; layer++) {
      text.append(layer == 0 ? "" : ", ");
      text.append("\"model.layers." + layer + ".block_sparse_moe\": " + kept);
    }
    return Files.writeString(folder.resolve("retained.json"), text.append("}").toString());
  }
}
