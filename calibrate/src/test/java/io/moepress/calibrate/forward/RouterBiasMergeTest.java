package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Experts 0 and 1 of every layer are copies, router rows and biases included, and a token uses all
/// experts. One row for the two then needs their joint weight: ln 2 more.
class RouterBiasMergeTest {
  private static final int EXPERTS = 6;

  @Test
  void oneRowDrawsWhatTwoDrew() throws IOException {
    try (CheckpointDirectory source =
        CheckpointDirectory.open(TestData.path("golden/arch/gpt_oss"))) {
      MoeModel twins = MoeModel.of(twins(source));
      float[] expected = Streamed.logits(twins, corpus(), 1);

      // sums in another order, over four layers
      assertThat(Streamed.logits(merged(twins, Math.log(2)), corpus(), 1))
          .containsExactly(expected, offset(2e-5f));
      float[] uncorrected = Streamed.logits(merged(twins, 0), corpus(), 1);
      assertThat(IntStream.range(0, expected.length))
          .anyMatch(i -> Math.abs(uncorrected[i] - expected[i]) > 1e-3);
    }
  }

  private static Checkpoint twins(CheckpointDirectory source) {
    MoeModel model = MoeModel.of(source);
    List<OutputTensor> tensors = new ArrayList<>();
    for (TensorId id : model.inventory().names().keySet()) {
      String name = model.inventory().name(id);
      tensors.add(
          new OutputTensor(
              model.info(id),
              model.layout().expertAxis(id.role()) == 0
                  ? new TensorProgram.Rows(name, List.of(0, 0, 2, 3, 4, 5))
                  : new TensorProgram.Copy(name)));
    }
    return new PlannedCheckpoint(
        source,
        new LoweredPlan(
            source.config().with("num_experts_per_tok", EXPERTS), tensors, new TreeMap<>()));
  }

  private static Checkpoint merged(MoeModel model, double bias) {
    List<PlanStep> steps = new ArrayList<>(List.of(new LowerTopK(EXPERTS, EXPERTS - 1)));
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      List<Group> groups = new ArrayList<>();
      groups.add(new Group(List.of(0, 1), List.of(0.5, 0.5), List.of(1.0, 0.0), bias));
      for (int expert = 2; expert < EXPERTS; expert++) {
        groups.add(Group.represented(List.of(expert), expert));
      }
      steps.add(new MergeExperts(layer, "test", "dominant", groups));
    }
    return new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, steps));
  }

  private static Corpus corpus() {
    int[] ids = IntStream.range(0, 24).map(i -> (7 + 37 * i) % 96).toArray();
    return new Corpus(
        List.of(new Domain("test", "test", "sha256:0")), List.of(new TokenSequence(0, ids)));
  }
}
