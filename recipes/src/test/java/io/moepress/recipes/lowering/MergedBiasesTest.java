package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MergeRule;
import io.moepress.recipes.plan.MergeRule.Subspace;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Experts with biases: those of neurons move with their neurons, the others are averaged, and the
/// bias of the router gets what the plan adds to it.
class MergedBiasesTest {

  @Test
  void biasesOfNeuronsGoWhereTheirNeuronsGo() throws IOException {
    try (CheckpointDirectory source =
        CheckpointDirectory.open(TestData.path("golden/arch/gpt_oss"))) {
      MoeModel before = MoeModel.of(source);
      int experts = before.layout().experts();
      int width = before.layout().dimension(Dimension.EXPERT_WIDTH);
      int hidden = before.layout().dimension(Dimension.HIDDEN);
      int[] turned = new int[experts * width]; // of expert 1 all neurons stand the other way round
      for (int i = 0; i < turned.length; i++) {
        turned[i] = i / width == 1 ? width - 1 - i % width : i % width;
      }
      List<Group> groups = new ArrayList<>();
      groups.add(new Group(List.of(0, 1), List.of(0.25, 0.75), List.of(1.0, 0.0), 0.5));
      for (int expert = 2; expert < experts; expert++) {
        groups.add(Group.represented(List.of(expert), expert));
      }
      PlanArray neurons = PlanArray.ints("neurons", Shape.of(experts, width), () -> turned);
      MergeRule rule = new MergeRule(neurons, new Subspace(3, 3, 3, 1));
      MergeExperts step = new MergeExperts(1, "test", "dominant", groups, rule, List.of());

      MoeModel after =
          MoeModel.of(new PlannedCheckpoint(source, Lowering.lower(before, List.of(step))));

      float[] old = floats(before, TensorRole.EXPERTS_GATE_UP_BIAS);
      float[] merged = floats(after, TensorRole.EXPERTS_GATE_UP_BIAS);
      for (int i = 0; i < 2 * width; i++) { // gate and up alternate
        int other = 2 * width + 2 * (width - 1 - i / 2) + i % 2;
        assertThat((double) merged[i]).isCloseTo(0.25 * old[i] + 0.75 * old[other], within(1e-7));
        assertThat(merged[2 * width + i]).isEqualTo(old[4 * width + i]);
      }
      float[] down = floats(before, TensorRole.EXPERTS_DOWN_BIAS);
      float[] mean = floats(after, TensorRole.EXPERTS_DOWN_BIAS);
      for (int i = 0; i < hidden; i++) {
        assertThat((double) mean[i])
            .isCloseTo(0.25 * down[i] + 0.75 * down[hidden + i], within(1e-7));
      }
      float[] router = floats(before, TensorRole.ROUTER_BIAS);
      assertThat(floats(after, TensorRole.ROUTER_BIAS))
          .containsExactly((float) (router[0] + 0.5), router[2], router[3], router[4], router[5]);
    }
  }

  private static float[] floats(MoeModel model, TensorRole role) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return Numbers.floats(model.read(TensorId.ofLayer(role, 1), arena));
    }
  }
}
