package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Each mistake gets a message that says where, what, what was expected and the way out; an exit
/// code; and nothing is written, nothing is lost.
class BadInputTest {
  private static final String IDS = "{\"input_ids\": [1, 2, 3, 4, 5, 6, 7, 8]}\n";

  @TempDir private Path folder = Path.of("");

  @Test
  void aRecipeThatIsNotThere() {
    assertUsage(Cli.run("run", folder.resolve("no.yaml")), "no.yaml: no such file");
  }

  @Test
  void aModelThatIsNotThere() throws IOException {
    Path recipe = recipe(folder.resolve("nowhere"), "easy-ep", "keep: 50%");

    assertFailed(Cli.run("run", recipe), "nowhere: no such directory");
  }

  @Test
  void theDirectoryAboveTheModel() throws IOException {
    TinyMoe.qwen3().write(folder.resolve("models/tiny"));

    assertFailed(
        Cli.run("inspect", folder.resolve("models")),
        "no config.json (expected a checkpoint directory in the Hugging Face layout). Did you mean "
            + folder.resolve("models/tiny")
            + "?");
  }

  @Test
  void aTruncatedShard() throws IOException {
    Path model = model();
    try (FileChannel file =
        FileChannel.open(model.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
      file.truncate(file.size() - 100);
    }

    assertFailed(
        Cli.run("run", recipe(model, "easy-ep", "keep: 50%")),
        "model.safetensors: the header describes",
        "truncated; copy or download it again");
  }

  @Test
  void anUnknownArchitecture() throws IOException {
    Path model = TinyMoe.qwen3().config("model_type", "\"quokka_moe\"").write(folder.resolve("m"));

    assertFailed(
        Cli.run("inspect", model),
        "config.json: unknown architecture: model_type quokka_moe (expected one of",
        "write quokka_moe.json and give it with --architecture");
  }

  @Test
  void aModelThatIsNotUnderstoodLocksNobodyOut() throws IOException {
    Path model = TinyMoe.qwen3().config("model_type", "\"quokka_moe\"").write(folder.resolve("m"));
    Path recipe = recipe(model, "random", "keep: 50%");

    for (int run = 0; run < 2; run++) {
      assertFailed(Cli.run("plan", recipe), "config.json: unknown architecture");
    }
    assertThat(folder).isDirectoryNotContaining("glob:**.work");
  }

  @Test
  void anUnknownRecipeKey() throws IOException {
    assertUsage(
        Cli.run("run", recipe(model(), "easy-ep", "kep: 50%")),
        "recipe.yaml:6: unknown key \"kep\" in \"steps[0].prune\"",
        "Did you mean \"keep\"?");
  }

  @Test
  void anUnknownMethod() throws IOException {
    assertUsage(
        Cli.run("run", recipe(model(), "easyep", "keep: 50%")), "Did you mean \"easy-ep\"?");
  }

  @Test
  void keepingNothing() throws IOException {
    assertUsage(
        Cli.run("run", recipe(model(), "easy-ep", "keep: 0%")),
        "recipe.yaml:6: steps[0].prune.keep: 0% would leave no expert");
  }

  @Test
  void fewerExpertsThanATokenUses() throws IOException {
    assertFailed(
        Cli.run("run", recipe(model(), "easy-ep", "experts: 1")),
        "1 of 4 experts would stay in each layer, but every token uses 2",
        "Keep at least 2, or let a token use fewer with \"top-k: fit\".");
  }

  @Test
  void moreExpertsThanThereAre() throws IOException {
    assertFailed(
        Cli.run("run", recipe(model(), "easy-ep", "experts: 9")),
        "9 experts to keep, but the layer has only 4");
  }

  @Test
  void anEmptyCorpus() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");
    Files.writeString(folder.resolve("texts.jsonl"), "\n\n");

    assertFailed(Cli.run("run", recipe), "texts.jsonl: the file holds no samples");
  }

  @Test
  void aTokenTheModelDoesNotKnow() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");
    Files.writeString(folder.resolve("texts.jsonl"), "{\"input_ids\": [5, 4000]}");

    assertFailed(Cli.run("run", recipe), "token id 4000 is outside the model's vocabulary of 32");
  }

  @Test
  void textsForAModelWithoutTokenizer() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");
    Files.writeString(folder.resolve("texts.jsonl"), "{\"text\": \"one and one\"}");

    assertFailed(Cli.run("run", recipe), "no tokenizer.json", "{\"input_ids\": [...]}");
  }

  @Test
  void anOutputThatExists() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");
    Path precious = folder.resolve("out/precious.txt");
    Files.createDirectories(folder.resolve("out"));
    Files.writeString(precious, "do not lose me");

    Cli run = Cli.run("run", recipe);

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(run.err()).contains("the output exists and is not empty", "--overwrite");
    assertThat(precious).hasContent("do not lose me");
  }

  @Test
  void overwritingOnRequest() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");

    assertThat(Cli.run("run", recipe, "-q").exitCode()).isZero();
    assertThat(Cli.run("run", recipe, "-q", "--overwrite").exitCode()).isZero();
    assertNothingHalfWritten();
  }

  @Test
  void weightsThatAreNotFinite() throws IOException {
    String router = "model.layers.1.mlp.gate.weight";
    float[] weights = TinyMoe.qwen3().values(router);
    weights[5] = Float.NaN;
    Path model = TinyMoe.qwen3().with(router, weights).write(folder.resolve("sick"));

    assertFailed(
        Cli.run("run", recipe(model, "easy-ep", "keep: 50%")),
        "tensor " + router + ": element 5 is NaN (expected finite weights)");
  }

  @Test
  void aMethodWithoutTheCalibrationItNeeds() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");
    String text = Files.readString(recipe);
    Files.writeString(recipe, text.replaceAll("(?m)^calibration:\n.*\n", ""));

    assertFailed(
        Cli.run("run", recipe),
        "method easy-ep needs calibration ([easy-ep-sum])",
        "Add calibration data to the recipe");
  }

  @Test
  void aPlanForAnotherCheckpoint() throws IOException {
    Path plan = folder.resolve("plan.json");
    Cli.run("plan", recipe(model(), "easy-ep", "keep: 50%"), "-o", plan, "-q");
    Path other = TinyMoe.qwen3().seed(8).write(folder.resolve("other"));

    assertFailed(
        Cli.run("apply", other, plan, "-o", folder.resolve("out")),
        "was made for checkpoint sha256:",
        "Plan again, or give the original checkpoint.");
  }

  @Test
  void pickles() throws IOException {
    Path model = model();
    Files.move(model.resolve("model.safetensors"), model.resolve("pytorch_model.bin"));

    assertFailed(Cli.run("inspect", model), "the weights are pickles", "Convert the checkpoint");
  }

  @Test
  void anUnknownOption() {
    Cli run = Cli.run("inspect", TestData.path("models/tiny-mixtral"), "--jsn");

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(run.err()).contains("Unknown option: '--jsn'");
  }

  @Test
  void noCommandShowsWhatThereIs() {
    Cli run = Cli.run();

    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
    for (String command :
        List.of("run", "inspect", "calibrate", "plan", "apply", "eval", "verify")) {
      assertThat(run.err()).contains("  " + command + " ");
    }
  }

  @Test
  void aStackTraceOnlyForThoseWhoAskTwice() {
    Path nowhere = folder.resolve("nowhere");

    assertThat(Cli.run("inspect", nowhere, "-v").err()).doesNotContain("\tat ");
    assertThat(Cli.run("inspect", nowhere, "-v", "-v").err()).contains("\tat io.moepress");
  }

  @Test
  void anEvaluationFileThatIsNotThereIsFoundBeforeAnythingIsMeasured() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");
    Files.writeString(
        recipe,
        "evaluate: {data: [" + folder.resolve("no.jsonl") + "]}\n",
        StandardOpenOption.APPEND);

    assertFailed(Cli.run("run", recipe), "no.jsonl: no such file");
    assertThat(folder.resolve("out.work")).doesNotExist();
  }

  @Test
  void aBaselineWithoutTheCalibrationItNeeds() throws IOException {
    Path recipe = recipe(model(), "random", "keep: 50%");
    String text = Files.readString(recipe).replaceAll("(?m)^calibration:\n.*\n", "");
    Files.writeString(
        recipe,
        text + "evaluate: {data: [" + folder.resolve("texts.jsonl") + "], baselines: [reap]}\n");

    assertFailed(Cli.run("run", recipe), "method reap needs calibration");
  }

  @Test
  void aWorkDirectoryInsideTheOutput() throws IOException {
    Path recipe = recipe(model(), "easy-ep", "keep: 50%");

    assertUsage(Cli.run("run", recipe, "-w", folder.resolve("out/work")), "inside the output");
  }

  @Test
  void replacingTheModelByItsOwnResult() throws IOException {
    Path plan = folder.resolve("plan.json");
    Path model = model();
    Cli.run("plan", recipe(model, "easy-ep", "keep: 50%"), "-o", plan, "-q");

    assertFailed(
        Cli.run("apply", model, plan, "-o", model, "--overwrite"),
        "the output would replace the source");
    assertThat(Cli.run("verify", model).exitCode()).isZero();
  }

  @Test
  void weightsThatAreNotFiniteInAnExpertNobodyReads() throws IOException {
    String down = "model.layers.1.mlp.experts.3.down_proj.weight";
    float[] weights = TinyMoe.qwen3().values(down);
    weights[0] = Float.POSITIVE_INFINITY;
    Path model = TinyMoe.qwen3().with(down, weights).write(folder.resolve("sick"));

    Cli verified = Cli.run("verify", model);

    assertThat(verified.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(verified.out()).contains("FAILED  finite weights", "not finite in [" + down + "]");
  }

  @Test
  void aQuantisedCheckpoint() throws IOException {
    Path model =
        TinyMoe.qwen3()
            .config("quantization_config", "{\"quant_method\": \"fp8\"}")
            .write(folder.resolve("fp8"));

    assertFailed(
        Cli.run("inspect", model),
        "config.json: quantization_config: weight_block_size is missing, which cannot be read");
  }

  @Test
  void aDirectoryOfSomethingElseIsNotReplacedByEvidence() throws IOException {
    Path model = model();
    recipe(model, "easy-ep", "keep: 50%");
    Path mine = Files.createDirectory(folder.resolve("mine"));
    Files.writeString(mine.resolve("precious.txt"), "do not lose me");

    Cli run = Cli.run("calibrate", model, "--data", folder.resolve("texts.jsonl"), "-o", mine);

    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(mine.resolve("precious.txt")).hasContent("do not lose me");
  }

  private static void assertUsage(Cli run, String... parts) {
    assertThat(run.err()).contains(parts).doesNotContain("\tat ");
    assertThat(run.exitCode()).isEqualTo(ExitCode.USAGE);
  }

  private void assertFailed(Cli run, String... parts) {
    assertThat(run.err()).contains(parts).doesNotContain("\tat ");
    assertThat(run.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(folder.resolve("out")).doesNotExist();
    assertNothingHalfWritten();
  }

  private void assertNothingHalfWritten() {
    assertThat(folder).isDirectoryNotContaining("glob:**/out.{partial,replaced,lock}*");
  }

  private Path model() throws IOException {
    return TinyMoe.qwen3().write(folder.resolve("model"));
  }

  private Path recipe(Path model, String method, String budget) throws IOException {
    Path texts = Files.writeString(folder.resolve("texts.jsonl"), IDS);
    String text =
        """
        model: MODEL
        output: OUTPUT
        calibration:
          data: [TEXTS]
        steps:
          - prune: {method: METHOD, BUDGET}
        """
            .replace("MODEL", model.toString())
            .replace("OUTPUT", folder.resolve("out").toString())
            .replace("TEXTS", texts.toString())
            .replace("METHOD", method)
            .replace("BUDGET", budget);
    return Files.writeString(folder.resolve("recipe.yaml"), text);
  }
}
