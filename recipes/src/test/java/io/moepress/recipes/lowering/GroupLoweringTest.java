package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Two layers of four experts become two each: {0, 2} a mean, and 3 for {1, 3}.
class GroupLoweringTest {
  private static final List<Group> GROUPS =
      List.of(
          new Group(List.of(0, 2), List.of(0.25, 0.75), List.of(0.5, 0.5)),
          Group.represented(List.of(1, 3), 3));
  private static final List<ExpertStep> STEPS = List.of(merge(0, GROUPS), merge(1, GROUPS));

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void expertsAreWeightedSumsOfTheirGroup(boolean stacked) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().dtype("F32");
    if (stacked) {
      moe.plant(Stacked.OUTPUT_FIRST);
    }
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel before = MoeModel.of(source);
      MoeModel after = view(before, STEPS);

      assertThat(after.layout().experts()).isEqualTo(2);
      for (TensorId id : before.inventory().names().keySet()) {
        if (id.role().scope() == TensorRole.Scope.EXPERT && id.expert() == 0) {
          assertExpertsMerged(before, after, id);
        } else if (id.role().scope() == TensorRole.Scope.ALL_EXPERTS) {
          assertRows(before, after, id, 0.25, 0.75);
        } else if (id.role() == TensorRole.ROUTER) {
          assertRows(before, after, id, 0.5, 0.5);
        }
      }
    }
  }

  private static void assertExpertsMerged(MoeModel before, MoeModel after, TensorId id)
      throws IOException {
    float[] first = floats(before, id);
    float[] second = floats(before, new TensorId(id.role(), id.layer(), 2));
    assertThat(floats(after, id)).isEqualTo(mixed(first, second, 0.25, 0.75));
    assertThat(floats(after, new TensorId(id.role(), id.layer(), 1)))
        .isEqualTo(floats(before, new TensorId(id.role(), id.layer(), 3)));
  }

  private static void assertRows(MoeModel before, MoeModel after, TensorId id, double a, double b)
      throws IOException {
    float[] rows = floats(before, id);
    int row = rows.length / 4;
    float[] found = floats(after, id);
    assertThat(part(found, 0, row))
        .isEqualTo(mixed(part(rows, 0, row), part(rows, 2 * row, row), a, b));
    assertThat(part(found, row, row)).isEqualTo(part(rows, 3 * row, row));
  }

  private static float[] part(float[] values, int first, int count) {
    return Arrays.copyOfRange(values, first, first + count);
  }

  private static float[] mixed(float[] first, float[] second, double a, double b) {
    float[] mixed = new float[first.length];
    for (int i = 0; i < mixed.length; i++) {
      mixed[i] = (float) (a * first[i] + b * second[i]);
    }
    return mixed;
  }

  /// Experts become fewer, the router stays, and the configuration says where its rows lead.
  @Test
  void allRowsMayStay() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TinyMoe.qwen3().write(folder))) {
      List<ExpertStep> steps = List.of(new MergeExperts(1, "test", "map", GROUPS));

      LoweredPlan lowered = Lowering.lower(MoeModel.of(source), steps);

      String router = "model.layers.1.mlp.gate.weight";
      assertThat(lowered.tensors())
          .contains(new OutputTensor(named(source, router), new TensorProgram.Copy(router)));
      assertThat(lowered.config().text())
          .contains(
              "\"num_local_experts\": [4, 2]", "\"expert_map\": [[0, 1, 2, 3], [0, 1, 0, 1]]");
      MoeModel after = MoeModel.of(new PlannedCheckpoint(source, lowered));
      assertThat(after.layout().experts(1)).isEqualTo(2);
      assertThat(after.layout().routerRows(1)).isEqualTo(4);
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(after, List.of(merge(0, GROUPS))))
          .withMessageStartingWith("plan: layer 0: several router rows of this model lead to one");
    }
  }

  @Test
  void rowsStayInAllLayersOrInNone() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TinyMoe.qwen3().write(folder))) {
      MoeModel model = MoeModel.of(source);
      List<ExpertStep> steps =
          List.of(merge(0, GROUPS), new MergeExperts(1, "test", "map", GROUPS));

      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(model, steps))
          .withMessage(
              "plan: layer 0 has router slice and layer 1 has map (expected the same in each)");
    }
  }

  @Test
  void aRepresentativeIsCopiedAndTheOthersAreDropped() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TinyMoe.qwen3().write(folder))) {
      LoweredPlan lowered = Lowering.lower(MoeModel.of(source), STEPS);

      String experts = "model.layers.1.mlp.experts.";
      assertThat(lowered.tensors())
          .contains(
              new OutputTensor(
                  named(source, experts + "1.up_proj.weight"),
                  new TensorProgram.Copy(experts + "3.up_proj.weight")));
      assertThat(lowered.dropped())
          .containsEntry(
              experts + "1.up_proj.weight", "expert 1 of layer 1 dropped: [3] stand for it")
          .hasSize(2 * 3);
    }
  }

  private static TensorInfo named(Checkpoint source, String name) {
    return Objects.requireNonNull(source.tensors().get(name));
  }

  /// Merging what was merged and pruning what was merged give the bytes of one step after another.
  @Test
  void mergesCompose() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().dtype("BF16").plant(Stacked.OUTPUT_FIRST).topK(1);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(source);
      LoweredPlan first = Lowering.lower(model, STEPS);
      MoeModel once = view(model, STEPS);
      List<Group> all = List.of(Group.mean(List.of(0, 1)));
      for (List<ExpertStep> next :
          List.of(
              List.<ExpertStep>of(merge(0, all), merge(1, all)),
              List.<ExpertStep>of(SamplePlans.keep(0, 2, 1), SamplePlans.keep(1, 2, 0)))) {
        Checkpoint twice = new PlannedCheckpoint(once.checkpoint(), Lowering.lower(once, next));
        Checkpoint both = new PlannedCheckpoint(source, first.then(Lowering.lower(once, next)));

        assertThat(both.tensors()).isEqualTo(twice.tensors());
        for (String name : twice.tensors().keySet()) {
          assertThat(bytes(both, name)).as(name).isEqualTo(bytes(twice, name));
        }
      }
    }
  }

  /// Which runtimes take layers of different size is for targets to say.
  @Test
  void layersMayEndWithDifferentNumbers() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TinyMoe.qwen3().write(folder))) {
      MoeModel after = view(MoeModel.of(source), List.of(merge(0, GROUPS)));

      assertThat(after.layout().expertCounts()).isEqualTo(Map.of(0, 2, 1, 4));
    }
  }

  private static MergeExperts merge(int layer, List<Group> groups) {
    return new MergeExperts(layer, "handmade", "mean", groups);
  }

  private static MoeModel view(MoeModel model, List<ExpertStep> steps) {
    return MoeModel.of(new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, steps)));
  }

  private static float[] floats(MoeModel model, TensorId id) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return Numbers.floats(model.read(id, arena));
    }
  }

  private static byte[] bytes(Checkpoint checkpoint, String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return checkpoint.read(name, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }
}
