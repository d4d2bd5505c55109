package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Habits that all commands share.
class UsageTest {
  private static final List<String> COMMANDS =
      List.of(
          "run",
          "compare",
          "inspect",
          "calibrate",
          "plan",
          "apply",
          "eval",
          "verify",
          "convert",
          "report",
          "explain",
          "completion",
          "man");

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @ValueSource(strings = {"inspekt", "verfy", "recip", "calibrat"})
  void aMisspeltCommandIsSuggested(String command) {
    Cli run = Cli.run(command, "x");

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains("'" + command + "'", "Did you mean:");
  }

  @Test
  void aMisspeltOptionIsSuggested() {
    Cli run = Cli.run("verify", "model", "--targt", "vllm");

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains("Unknown option", "--targt", "--target");
  }

  @Test
  void aMisspeltTargetIsSuggested() {
    Cli run = Cli.run("verify", TestData.path("models/tiny-mixtral"), "--target", "vlm");

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains("unknown runtime \"vlm\"", "Did you mean \"vllm\"?");
  }

  @Test
  void everyCommandTakesTheCommonOptions() {
    for (String command : COMMANDS) {
      assertThat(Cli.run(command, "--help").out())
          .as(command)
          .contains("-j, --threads", "--json", "-q, --quiet", "-v, --verbose");
    }
    for (String command : List.of("schema", "check", "new")) {
      assertThat(Cli.run("recipe", command, "--help").out()).contains("--json", "-q, --quiet");
    }
  }

  @Test
  void whateverWritesADirectoryTakesTheSameOptions() {
    for (String command : List.of("apply", "convert")) {
      assertThat(Cli.run(command, "--help").out())
          .as(command)
          .contains("-o, --output", "--overwrite", "--max-shard-size", "--dry-run");
    }
  }

  @Test
  void anApplyThatIsOnlyTriedWritesNothing() throws IOException {
    Path model = TinyMoe.qwen3().write(folder.resolve("model"));
    Path plan = plan(model);
    Path output = folder.resolve("applied");

    Cli tried = Cli.run("apply", model, plan, "-o", output, "--dry-run", "--json");

    assertThat(tried.exitCode()).as(tried.err()).isZero();
    assertThat(tried.json().get("tensors").asInt()).isEqualTo(33);
    assertThat(tried.json().get("dropped").asInt()).isEqualTo(12);
    assertThat(output).doesNotExist();
    assertThat(Cli.run("apply", model, plan, "-o", output, "--dry-run").out())
        .startsWith("would be written");
  }

  @Test
  void aTriedApplyStillRefusesAPlanOfAnotherModel() throws IOException {
    Path plan = plan(TinyMoe.qwen3().write(folder.resolve("model")));
    Path other = TinyMoe.qwen3().seed(8).write(folder.resolve("other"));

    Cli tried = Cli.run("apply", other, plan, "-o", folder.resolve("applied"), "--dry-run");

    assertThat(tried.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(tried.err()).contains("was made for checkpoint");
  }

  @Test
  void aCalibrationThatIsOnlyTriedCountsTokens() throws IOException {
    Path model = TinyMoe.qwen3().write(folder.resolve("model"));
    Path texts = folder.resolve("texts.jsonl");
    Files.writeString(texts, "{\"input_ids\": [1, 2, 3]}\n{\"input_ids\": [4, 5, 6, 7, 8, 9]}\n");
    Path evidence = folder.resolve("evidence");

    Cli tried =
        Cli.run(
            "calibrate",
            model,
            "--data",
            texts,
            "--max-tokens",
            5,
            "-o",
            evidence,
            "--dry-run",
            "--json");

    assertThat(tried.exitCode()).as(tried.err()).isZero();
    assertThat(tried.json().get("tokens").asLong()).isEqualTo(3 + 5);
    assertThat(tried.json().get("domains").get(0).get("sequences").asLong()).isEqualTo(2);
    assertThat(evidence).doesNotExist();
  }

  @Test
  void verifyTellsAMissingShardAndStops() throws IOException {
    Path model = TinyMoe.qwen3().shards(2).write(folder.resolve("model"));
    Files.delete(model.resolve("model-00002-of-00002.safetensors"));

    Cli verify = Cli.run("verify", model);

    assertThat(verify.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verify.out())
        .startsWith("FAILED  shard-index  the file model-00002-of-00002.safetensors is missing");
    assertThat(verify.out().lines()).hasSize(1);
  }

  @Test
  void verifyHoldsFindingsForPrograms() throws IOException {
    Path model = TinyMoe.qwen3().config("num_experts", "6").write(folder.resolve("model"));

    Cli verify = Cli.run("verify", model, "--target", "transformers", "--json");

    assertThat(verify.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verify.json().get("checks").get(1).get("findings").get(0).toString())
        .isEqualTo(
            "{\"rule\":\"count-aliases\",\"runtime\":\"transformers\",\"severity\":\"refusal\","
                + "\"found\":\"config.json: {num_experts=6, num_local_experts=4}\","
                + "\"expected\":\"one number of experts under all of these keys\","
                + "\"wayOut\":\"Set them equal to what the tensors hold.\"}");
  }

  @Test
  void verifyNamesWarningsAndPasses() throws IOException {
    Path model = TinyMoe.qwen3().write(folder.resolve("model"));

    Cli verify = Cli.run("verify", model, "--target", "transformers");

    assertThat(verify.exitCode()).isZero();
    assertThat(verify.out()).contains("warning  tokenizer", "note     chat-template", "ok  ");
  }

  private Path plan(Path model) throws IOException {
    Path plan = folder.resolve("plan.json");
    String recipe =
        "model: "
            + model
            + "\noutput: "
            + folder.resolve("out")
            + "\nsteps: [{prune: {method: random, keep: 50%}}]\n";
    Path file = Files.writeString(folder.resolve("recipe.yaml"), recipe);
    assertThat(Cli.run("plan", file, "-o", plan, "-q").exitCode()).isZero();
    return plan;
  }
}
