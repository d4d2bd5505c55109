package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Recipes that change routing, from end to end.
class RoutingRunTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void stackedExpertsArePrunedBelowWhatATokenUsed() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST);

    Cli run = run(moe.write(folder.resolve("model")), "experts: 1, top-k: fit");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(Files.readString(folder.resolve("out.work/plan.json")))
        .contains("change of function: every token uses 1 experts, 2 before");
    try (CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("out"))) {
      assertThat(written.config().value("num_experts_per_tok")).hasToString("Optional[1]");
      assertThat(written.config().value("num_local_experts")).hasToString("Optional[1]");
      assertThat(written.tensors().get(Stacked.gateUp(1)))
          .extracting(TensorInfo::shape)
          .isEqualTo(Shape.of(1, 16, 16));
    }
  }

  @Test
  void groupsAreLifted() throws IOException {
    Cli run = run(TestData.path("models/tiny-deepseekv3"), "experts: 7, groups: none");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(Files.readString(folder.resolve("out/config.json")))
        .contains("\"n_group\": 1,", "\"n_routed_experts\": 7,", "\"topk_group\": 1,");
  }

  @Test
  void maskedExpertsStayOnDisk() throws IOException {
    Path model = TestData.path("models/tiny-deepseekv3");

    Cli run = run(model, "experts: 8, router: mask");

    assertThat(run.exitCode()).as(run.err()).isZero();
    assertThat(folder.resolve("out/config.json"))
        .hasSameBinaryContentAs(model.resolve("config.json"));
    assertThat(Files.readString(folder.resolve("out/moepress.json"))).contains(" masked\"");
  }

  private Cli run(Path model, String options) throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        "model: "
            + model
            + "\noutput: "
            + folder.resolve("out")
            + "\nsteps:\n  - prune: {method: random, "
            + options
            + "}\n");
    return Cli.run("run", recipe, "-q");
  }
}
