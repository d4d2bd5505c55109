package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A model with 16 experts in 4 groups, of which a token uses 4 experts of 2 groups.
class GroupedLoweringTest {
  private static final List<Integer> LAYERS = List.of(1, 2, 3);

  private CheckpointDirectory checkpoint;
  private MoeModel model;

  @BeforeEach
  void open() throws IOException {
    checkpoint = CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"));
    model = MoeModel.of(checkpoint);
  }

  @AfterEach
  void close() throws IOException {
    checkpoint.close();
  }

  @Test
  void cutsTheSelectionBiasWithTheRouter() throws IOException {
    List<Integer> kept = List.of(0, 3, 4, 5, 9, 10, 12, 15);
    String bias = "model.layers.2.mlp.gate.e_score_correction_bias";

    LoweredPlan lowered = keep(kept);

    assertThat(program(lowered, bias)).isEqualTo(new Rows(bias, kept));
    assertThat(program(lowered, "model.layers.2.mlp.gate.weight"))
        .isEqualTo(new Rows("model.layers.2.mlp.gate.weight", kept));
    PlannedCheckpoint planned = new PlannedCheckpoint(checkpoint, lowered);
    assertThat(MoeModel.of(planned).layout().experts()).isEqualTo(8);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment before = checkpoint.read(bias, arena).bytes();
      MemorySegment after = planned.read(bias, arena).bytes();
      for (int i = 0; i < kept.size(); i++) {
        MemorySegment row = before.asSlice(2L * kept.get(i), 2);
        assertThat(after.asSlice(2L * i, 2).mismatch(row)).isEqualTo(-1);
      }
    }
  }

  @Test
  void leavesSharedExpertsAlone() {
    LoweredPlan lowered = keep(List.of(0, 1, 4, 5, 8, 9, 12, 13));
    String shared = "model.layers.2.mlp.shared_experts.up_proj.weight";

    assertThat(program(lowered, shared)).isEqualTo(new TensorProgram.Copy(shared));
    assertThat(lowered.dropped())
        .allSatisfy((name, reason) -> assertThat(name).contains(".mlp.experts."));
  }

  @Test
  void refusesCountsThatTheGroupsCannotHold() {
    assertThatThrownBy(() -> keep(List.of(0, 1, 2, 4, 5, 6, 8, 9, 10, 12)))
        .isInstanceOf(PlanMismatchException.class)
        .hasMessageContaining("10 of 16 experts would stay")
        .hasMessageContaining("a multiple of 4, at least 8")
        .hasMessageContaining("The nearest is 12");
    assertThatThrownBy(() -> keep(List.of(0, 4, 8, 12)))
        .isInstanceOf(PlanMismatchException.class)
        .hasMessageContaining("The nearest is 8");
  }

  @Test
  void refusesToKeepMoreOfOneGroupThanOfAnother() {
    assertThatThrownBy(() -> keep(List.of(0, 1, 2, 4, 8, 9, 12, 13)))
        .isInstanceOf(PlanMismatchException.class)
        .hasMessage(
            "plan: layer 1 keeps [3, 1, 2, 2] experts of its groups of 4 (expected equally many of"
                + " each, 2)");
  }

  @Test
  void endsThePredictionOfFurtherTokens() {
    assertThat(keep(List.of(0, 1, 4, 5, 8, 9, 12, 13)).config().text())
        .contains("\"num_nextn_predict_layers\": 0");
    assertThat(keep(IntStream.range(0, 16).boxed().toList()).config().text())
        .contains("\"num_nextn_predict_layers\": 1");
  }

  private LoweredPlan keep(List<Integer> kept) {
    return Lowering.lower(model, LAYERS.stream().map(layer -> step(layer, kept)).toList());
  }

  private static KeepExperts step(int layer, List<Integer> kept) {
    return new KeepExperts(layer, "test", "slice", kept, List.of(), Collections.nCopies(16, 0.0));
  }

  private static TensorProgram program(LoweredPlan lowered, String name) {
    return lowered.tensors().stream()
        .filter(tensor -> tensor.info().name().equals(name))
        .map(OutputTensor::program)
        .findFirst()
        .orElseThrow();
  }
}
