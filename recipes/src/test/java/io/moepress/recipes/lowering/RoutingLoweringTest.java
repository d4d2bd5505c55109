package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Steps that change how a token gets its experts.
class RoutingLoweringTest {
  private static final String GROUPED = "models/tiny-deepseekv3";

  @TempDir private Path folder;

  // Experts per token.

  @Test
  void aTokenMayUseFewerExperts() throws IOException {
    LoweredPlan plan =
        lower(
            TinyMoe.mixtral().write(folder),
            new LowerTopK(2, 1),
            SamplePlans.keep(0, 4, 3),
            SamplePlans.keep(1, 4, 0));

    assertThat(plan.config().text())
        .isEqualTo(
            TinyMoe.mixtral()
                .configJson()
                .replace("\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 1")
                .replace("\"num_local_experts\": 4", "\"num_local_experts\": 1"));
  }

  @Test
  void everyAliasThatIsThereIsSet() throws IOException {
    TinyMoe moe =
        TinyMoe.qwen3()
            .withoutConfig("num_local_experts")
            .config("num_experts", "null")
            .config("text_config", "{\"experts\": 4, \"k\": 2, \"layers\": 2}")
            .config("experts_per_token", "2");
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(source, nested());

      LoweredPlan plan =
          Lowering.lower(
              model,
              List.of(new LowerTopK(2, 1), SamplePlans.keep(0, 4, 3), SamplePlans.keep(1, 4, 0)));

      assertThat(plan.config().text())
          .isEqualTo(
              moe.configJson()
                  .replace("{\"experts\": 4, \"k\": 2", "{\"experts\": 1, \"k\": 1")
                  .replace("\"experts_per_token\": 2", "\"experts_per_token\": 1")
                  .replace("\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 1")
                  .replace("\"num_experts\": null", "\"num_experts\": 1"));
    }
  }

  /// The family with its counts in a nested object, and aliases of them.
  private static Architecture nested() throws IOException {
    try (InputStream stream =
        Objects.requireNonNull(Architecture.class.getResourceAsStream("qwen3_moe.json"))) {
      String text =
          new String(stream.readAllBytes(), StandardCharsets.UTF_8)
              .replace("\"countKeys\": [", "\"countKeys\": [\"text_config.experts\", ")
              .replace(
                  "\"topKKeys\": [", "\"topKKeys\": [\"experts_per_token\", \"text_config.k\", ")
              .replace("config.num_local_experts ??", "config.text_config.experts ??");
      return Json.bind(Json.object(text, "nested"), Architecture.class, "nested");
    }
  }

  @Test
  void allExpertsMayStayMeanwhile() throws IOException {
    LoweredPlan plan = lower(TinyMoe.mixtral().write(folder), new LowerTopK(2, 1));

    assertThat(plan.dropped()).isEmpty();
    assertThat(plan.config().text()).contains("\"num_experts_per_tok\": 1");
  }

  @Test
  void aStepForAnotherNumberIsRefused() throws IOException {
    assertRefused(
        TinyMoe.mixtral().write(folder),
        "plan: lower-top-k: made for 3 experts per token, but the model uses 2",
        new LowerTopK(3, 1));
    assertRefused(
        folder,
        "plan: lower-top-k: made for 2 experts per token, but the model uses 1",
        new LowerTopK(2, 1),
        new LowerTopK(2, 1));
  }

  @Test
  void aTokenNeverUsesMoreNorNone() {
    for (int to : new int[] {0, 2, 3}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new LowerTopK(2, to))
          .withMessage("lower-top-k: from 2 to %d (expected 1 to 1)", to);
    }
  }

  // Groups.

  @Test
  void withoutGroupsAnyExpertsMayStay() throws IOException {
    int[] kept = {0, 1, 2, 3, 4, 13, 15};
    try (CheckpointDirectory source = CheckpointDirectory.open(TestData.path(GROUPED))) {
      LoweredPlan plan =
          Lowering.lower(
              MoeModel.of(source),
              List.of(
                  new IgnoreGroups(4, 2),
                  SamplePlans.keep(1, 16, kept),
                  SamplePlans.keep(2, 16, kept),
                  SamplePlans.keep(3, 16, kept)));
      ModelLayout after = MoeModel.of(new PlannedCheckpoint(source, plan)).layout();

      assertThat(plan.config().text()).contains("\"n_group\": 1,", "\"topk_group\": 1,");
      assertThat(after.experts()).isEqualTo(7);
      assertThat(after.groups().count()).isEqualTo(1);
      assertThat(after.topK()).isEqualTo(4);
    }
  }

  @Test
  void aRouterWithoutGroupsHasNoneToIgnore() throws IOException {
    assertRefused(
        TinyMoe.qwen3().write(folder),
        "plan: ignore-groups: made for 2 of 4 groups of experts, but the model has 1 of 1",
        new IgnoreGroups(4, 2));
    assertRefused(
        TestData.path(GROUPED),
        "plan: ignore-groups: made for 1 of 4 groups of experts, but the model has 2 of 4",
        new IgnoreGroups(4, 1));
  }

  private static LoweredPlan lower(Path model, PlanStep... steps) throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(model)) {
      return Lowering.lower(MoeModel.of(source), List.of(steps));
    }
  }

  private static void assertRefused(Path model, String message, PlanStep... steps) {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> lower(model, steps))
        .withMessage(message);
  }
}
