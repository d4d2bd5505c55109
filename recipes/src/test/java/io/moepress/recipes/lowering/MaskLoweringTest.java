package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Experts that stay on disk and are never chosen: 16 in 4 groups, of which a token uses 4 of 2
/// groups.
class MaskLoweringTest {
  private static final String MODEL = "models/tiny-deepseekv3";
  private static final String BIAS = "model.layers.2.mlp.gate.e_score_correction_bias";
  private static final List<Integer> KEPT = List.of(0, 3, 4, 5, 9, 10, 12, 15);

  @TempDir private Path folder;

  @Test
  void onlyTheSelectionBiasChanges() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TestData.path(MODEL))) {
      LoweredPlan lowered = mask(source, 16, KEPT);

      assertThat(lowered.dropped()).isEmpty();
      assertThat(lowered.config().text()).isEqualTo(source.config().text());
      assertThat(lowered.tensors()).hasSameSizeAs(source.tensors().keySet());
      for (OutputTensor tensor : lowered.tensors()) {
        String name = tensor.info().name();
        assertThat(tensor.info()).isEqualTo(source.tensors().get(name));
        assertThat(tensor.program())
            .isEqualTo(
                name.endsWith("e_score_correction_bias")
                    ? new Mask(new Copy(name), List.of(1, 2, 6, 7, 8, 11, 13, 14))
                    : new Copy(name));
      }
    }
  }

  /// In bfloat16, -9984 is the number nearest to -10000.
  @Test
  void droppedExpertsGetABiasFarBelowAnyScore() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TestData.path(MODEL));
        PlannedCheckpoint planned = new PlannedCheckpoint(source, mask(source, 16, KEPT));
        Arena arena = Arena.ofConfined()) {
      float[] before = Numbers.floats(source.read(BIAS, arena));
      float[] after = Numbers.floats(planned.read(BIAS, arena));
      for (int expert = 0; expert < 16; expert++) {
        assertThat(after[expert]).isEqualTo(KEPT.contains(expert) ? before[expert] : -9984);
      }
      assertThat(Numbers.floats(planned.readRows(BIAS, 1, 2, arena)))
          .containsExactly(after[1], after[2]);
      assertThat(MoeModel.of(planned).layout().experts()).isEqualTo(16);
    }
  }

  @Test
  void layersMayKeepDifferentNumbers() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TestData.path(MODEL))) {
      LoweredPlan lowered =
          Lowering.lower(
              MoeModel.of(source),
              List.of(
                  step(1, "mask", 16, KEPT),
                  step(3, "mask", 16, List.of(0, 1, 2, 4, 5, 8, 9, 10, 11, 12, 13))));

      assertThat(lowered.tensors())
          .filteredOn(tensor -> tensor.program() instanceof Mask)
          .hasSize(2);
    }
  }

  // Refusals.

  @Test
  void aGroupMustKeepEnoughForTheRouterToChooseFrom() throws IOException {
    assertRefused(
        "plan: layer 1 keeps [4, 1, 2, 2] experts of its groups of 4 (expected at least 2 of each)",
        step(1, "mask", 16, List.of(0, 1, 2, 3, 4, 8, 9, 12, 13)));
  }

  @Test
  void allLayersAreTreatedAlike() throws IOException {
    assertRefused(
        "plan: layer 1 has router mask and layer 2 has slice (expected the same in each)",
        step(1, "mask", 16, KEPT),
        step(2, "slice", 16, KEPT));
  }

  private static void assertRefused(String message, KeepExperts... steps) throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TestData.path(MODEL))) {
      MoeModel model = MoeModel.of(source);
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(model, List.of(steps)))
          .withMessage(message);
    }
  }

  @Test
  void aRouterWithoutSelectionBiasCannotMask() throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(TinyMoe.qwen3().write(folder))) {
      MoeModel model = MoeModel.of(source);
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(model, List.of(step(0, "mask", 4, List.of(0, 1)))))
          .withMessage(
              "router: mask: the router of qwen3_moe has no selection bias to mask experts with. Use"
                  + " \"router: slice\".");
    }
  }

  private static LoweredPlan mask(CheckpointDirectory source, int experts, List<Integer> kept) {
    MoeModel model = MoeModel.of(source);
    List<KeepExperts> steps =
        model.layout().moeLayers().stream()
            .map(layer -> step(layer, "mask", experts, kept))
            .toList();
    return Lowering.lower(model, steps);
  }

  private static KeepExperts step(int layer, String router, int experts, List<Integer> kept) {
    List<Double> scores = Collections.nCopies(experts, 0.0);
    return new KeepExperts(layer, "test", router, kept, List.of(), scores);
  }
}
