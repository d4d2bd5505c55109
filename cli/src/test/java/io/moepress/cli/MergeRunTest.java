package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Recipes that merge, from end to end.
class MergeRunTest {
  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "method: hc-smoe, experts: 4",
        "method: hc-smoe, experts: 4, merge: fixed-dominant",
        "method: hc-smoe, experts: 6, linkage: ward, features: weights, align: weights",
        "method: sub-moe, keep: 50%, rank: 50%, align: activations, router: frequency-mean",
      })
  void aMergedModelIsSound(String options) throws IOException {
    Cli run = run("tiny-mixtral", options);

    assertThat(run.exitCode()).as(run.err()).isZero();
    try (CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("out"))) {
      String left = options.contains("experts: 6") ? "6" : "4";
      assertThat(written.config().value("num_local_experts")).hasToString("Optional[" + left + "]");
      assertThat(written.tensors().get("model.layers.3.block_sparse_moe.gate.weight"))
          .extracting(TensorInfo::shape)
          .isEqualTo(Shape.of(Integer.parseInt(left), 128));
    }
    Cli verify = Cli.run("verify", folder.resolve("out"), "--target", "transformers");
    assertThat(verify.exitCode()).as(verify.out() + verify.err()).isZero();
  }

  /// Groups of the router, a shared expert, a selection bias, a dense first layer, and layers for
  /// multi-token prediction.
  @Test
  void groupsOfTheRouterStayEquallyLarge() throws IOException {
    Cli run = run("tiny-deepseekv3", "method: hc-smoe, keep: 50%, align: activations");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(Files.readString(folder.resolve("out/config.json")))
        .contains("\"n_group\": 4,", "\"n_routed_experts\": 8,");
    assertThat(Cli.run("verify", folder.resolve("out")).exitCode()).isZero();
  }

  @Test
  void thePlanSaysWhatBecomesOneAndHow() throws IOException {
    assertThat(run("tiny-mixtral", "method: hc-smoe, experts: 4").exitCode()).isZero();

    Cli explained = Cli.run("explain", folder.resolve("out.work/plan.json"));

    assertThat(explained.exitCode()).as(explained.err()).isZero();
    assertThat(explained.out())
        .contains("hc-smoe", "joined up to ", "note: change of function: the router row of")
        .containsPattern("layer 0: joined at\\n +1\\.5\\d* +\\[0\\] \\+ \\[7\\]\\n");
  }

  /// The plan has arrays, of neurons or of shared spaces; applied by itself it gives the same
  /// bytes.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "method: hc-smoe, experts: 4, align: weights",
        "method: sub-moe, experts: 4, rank: 25%, whiten: true",
      })
  void aPlanWithArraysIsAppliedByItself(String options) throws IOException {
    assertThat(run("tiny-mixtral", options).exitCode()).isZero();

    Cli apply =
        Cli.run(
            "apply",
            TestData.path("models/tiny-mixtral"),
            folder.resolve("out.work/plan.json"),
            "-o",
            folder.resolve("again"),
            "-q");

    assertThat(apply.exitCode()).as(apply.err()).isZero();
    assertThat(folder.resolve("again/model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("out/model.safetensors"));
  }

  /// Numbers from outside, one threshold of frequency, and clusters over two layers.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "method: hc-smoe, experts: [6, 4, 5, 8] | 23",
        "method: hc-smoe, keep: 50%, allocation: global | 16",
        "method: sub-moe, keep: 50%, window: 2, rank: 50% | 16",
      })
  void layersMayBeLeftWithDifferentNumbers(String options, int total) throws IOException {
    Cli run = run("tiny-mixtral", options, "target: research\n");

    assertThat(run.exitCode()).as(run.err()).isZero();
    JsonNode counts = Json.object(folder.resolve("out/config.json")).get("num_local_experts");
    assertThat(counts.valueStream().mapToInt(JsonNode::asInt).sum()).isEqualTo(total);
    assertThat(counts.valueStream().mapToInt(JsonNode::asInt).distinct().count()).isGreaterThan(1);
    assertThat(Cli.run("verify", folder.resolve("out")).exitCode()).isZero();
  }

  @Test
  void stockTargetsGetOneNumber() throws IOException {
    Cli run = run("tiny-mixtral", "method: hc-smoe, experts: [6, 4, 5, 8], snap: 2");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(Files.readString(folder.resolve("out/config.json")))
        .contains("\"num_local_experts\": 6,");
    assertThat(Files.readString(folder.resolve("out.work/plan.json")))
        .contains(
            "transformers has one number of experts for all layers: {0=6, 1=4, 2=5, 3=8} by layer,"
                + " 23 in all, became 6 in each, 24 in all");
    Cli refused = run("tiny-mixtral", "method: sub-moe, keep: 50%, window: 2, uniformise: false");
    assertThat(refused.err())
        .contains("uniform-experts: allocation: global gives each layer its own number of experts");
  }

  /// All rows of the router stay. Such a checkpoint is evaluated and verified, and no more.
  @Test
  void aMapFromRowsToExpertsIsForResearch() throws IOException {
    Cli refused = run("tiny-mixtral", "method: hc-smoe, experts: 4, router: map");

    assertThat(refused.exitCode()).isNotZero();
    assertThat(refused.err())
        .contains(
            "transformers: expert-map: several router rows lead to one expert",
            "Merge with \"router: dominant\", or use \"target: research\".")
        .doesNotContain("calibrating");

    Cli run = run("tiny-mixtral", "method: hc-smoe, experts: 4, router: map", "target: research\n");

    assertThat(run.exitCode()).as(run.err()).isZero();
    Path out = folder.resolve("out");
    assertThat(Files.readString(out.resolve("config.json")))
        .contains("\"num_local_experts\": 4,")
        .containsPattern("\"expert_map\": \\[\\[0, [0-3, ]+\\], ");
    assertThat(Files.readString(out.resolve("moepress.json"))).contains("\"expertMap\": {");
    assertThat(Files.readString(folder.resolve("out.work/plan.json")))
        .contains("what is kept: all router rows");
    assertThat(Cli.run("verify", out, "--target", "research").exitCode()).isZero();
    assertThat(Cli.run("verify", out, "--target", "vllm").out()).contains("expert-map");
    Path texts = TestData.path("texts/math.evaluation.jsonl");
    Cli eval = Cli.run("eval", out, "--data", texts, "-q");
    assertThat(eval.exitCode()).as(eval.err()).isZero();
    Cli again = Cli.run("calibrate", out, "--data", texts, "-o", folder.resolve("e"), "-q");
    assertThat(again.err()).contains("calibration: several router rows of this model lead to one");
  }

  @Test
  void nothingFollowsAMap() throws IOException {
    Path recipe = folder.resolve("chain.yaml");
    Files.writeString(
        recipe,
        Checks.text(
            "model: %s\noutput: %s\ntarget: research\ncalibration: {data: [{file: %s, samples: 2}]}\n"
                + "steps:\n  - merge: {method: hc-smoe, experts: 6, router: map}\n  - prune: {method:"
                + " frequency, experts: 4}\n",
            TestData.path("models/tiny-mixtral"),
            folder.resolve("out"),
            TestData.path("texts/math.calibration.jsonl")));

    Cli check = Cli.run("recipe", "check", recipe);

    assertThat(check.exitCode()).isNotZero();
    assertThat(check.out() + check.err())
        .contains(
            "router: map in a step that others follow (expected dominant, mean or frequency-mean).");
  }

  @Test
  void mergingWithoutCalibrationIsRefused() throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        "model: "
            + TestData.path("models/tiny-mixtral")
            + "\noutput: "
            + folder.resolve("out")
            + "\nsteps:\n  - merge: {method: hc-smoe, experts: 4}\n");

    Cli run = Cli.run("run", recipe, "-q");

    assertThat(run.exitCode()).isNotZero();
    assertThat(run.err()).contains("method hc-smoe needs calibration", "reservoir-output-sum");
  }

  private Cli run(String model, String options) throws IOException {
    return run(model, options, "");
  }

  private Cli run(String model, String options, String keys) throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        keys
            + "model: "
            + TestData.path("models/" + model)
            + "\noutput: "
            + folder.resolve("out")
            + "\ncalibration: {data: [{file: "
            + TestData.path("texts/math.calibration.jsonl")
            + ", samples: 25}]}\nsteps:\n  - merge: {"
            + options
            + ", protect: {super-experts: false}}\n");
    return Cli.run("run", recipe, "-q");
  }
}
