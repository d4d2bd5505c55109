package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  /// The plan has arrays; applied by itself it gives the same bytes.
  @Test
  void aPlanWithNeuronsIsAppliedByItself() throws IOException {
    assertThat(run("tiny-mixtral", "method: hc-smoe, experts: 4, align: weights").exitCode())
        .isZero();

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
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        "model: "
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
