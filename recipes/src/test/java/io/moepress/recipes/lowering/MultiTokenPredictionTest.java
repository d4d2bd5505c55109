package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MultiTokenPredictionTest {
  private static final String EXPERT = "model.layers.4.mlp.experts.0.up_proj.weight";
  private static final String PROJECTION = "model.layers.4.eh_proj.weight";

  @Test
  void isCarriedOverWhenAllExpertsStay() throws IOException {
    LoweredPlan lowered = Lowering.lower(model(), List.of());

    assertThat(lowered.tensors())
        .contains(
            new OutputTensor(info(EXPERT), new Copy(EXPERT)),
            new OutputTensor(info(PROJECTION), new Copy(PROJECTION)));
    assertThat(lowered.dropped()).isEmpty();
    assertThat(lowered.config().text()).contains("\"num_nextn_predict_layers\": 1");
  }

  @Test
  void isDroppedWithExperts() throws IOException {
    List<Integer> kept = List.of(0, 1, 4, 5, 8, 9, 12, 13);
    List<KeepExperts> steps = Stream.of(1, 2, 3).map(layer -> step(layer, kept)).toList();

    LoweredPlan lowered = Lowering.lower(model(), steps);

    assertThat(lowered.tensors())
        .noneMatch(tensor -> tensor.info().name().startsWith("model.layers.4."));
    assertThat(lowered.dropped())
        .containsEntry(
            PROJECTION, "multi-token prediction: made for 16 experts, the model has 8 now")
        .containsKey(EXPERT);
    assertThat(lowered.config().text()).contains("\"num_nextn_predict_layers\": 0");
  }

  // Pruning them.

  private static final List<Integer> KEPT = List.of(0, 1, 4, 5, 9, 10, 12, 15);

  @Test
  void isPrunedLikeALayerOfTheMainModel() throws IOException {
    MoeModel model = model(true);

    LoweredPlan lowered = Lowering.lower(model, prunedLike(3, "slice"));

    Map<String, TensorProgram> programs =
        lowered.tensors().stream()
            .filter(tensor -> tensor.info().name().startsWith("model.layers.4."))
            .collect(Collectors.toMap(tensor -> tensor.info().name(), OutputTensor::program));
    String gate = "model.layers.4.mlp.gate.";
    assertThat(programs)
        .containsEntry(PROJECTION, new Copy(PROJECTION))
        .containsEntry(gate + "weight", new Rows(gate + "weight", KEPT))
        .containsEntry(
            gate + "e_score_correction_bias", new Rows(gate + "e_score_correction_bias", KEPT))
        .containsEntry(
            "model.layers.4.mlp.experts.7.up_proj.weight",
            new Copy("model.layers.4.mlp.experts.15.up_proj.weight"))
        .doesNotContainKey("model.layers.4.mlp.experts.8.up_proj.weight")
        .containsEntry(
            "model.layers.4.input_layernorm.weight",
            new Copy("model.layers.4.input_layernorm.weight"));
    assertThat(lowered.dropped())
        .containsEntry("model.layers.4.mlp.experts.2.up_proj.weight", "expert 2 of layer 4 dropped")
        .hasSize(4 * 8 * 3);
    assertThat(lowered.config().text())
        .contains("\"num_nextn_predict_layers\": 1")
        .contains("\"n_routed_experts\": 8");
  }

  /// Experts of these layers are others than those that were found alike, so none are averaged.
  @Test
  void keepsTheDominantExpertOfEachGroupOfAMerge() throws IOException {
    List<PlanStep> steps = merged("frequency-mean");
    List<Integer> dominant = List.of(1, 2, 5, 6, 9, 10, 13, 14);

    LoweredPlan lowered = Lowering.lower(model(true), steps);

    assertThat(
            lowered.tensors().stream()
                .filter(tensor -> tensor.info().name().startsWith("model.layers.4."))
                .toList())
        .isEqualTo(
            Lowering.lower(model(true), prunedLike(3, "slice", dominant)).tensors().stream()
                .filter(tensor -> tensor.info().name().startsWith("model.layers.4."))
                .toList());
  }

  @Test
  void hasNoMapFromRowsToExperts() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> Lowering.lower(model(true), merged("map")))
        .withMessage(
            "multi-token-prediction: prune: with \"router: map\" there is no map for such layers"
                + " (expected drop). Drop them, or merge with \"router: dominant\".");
  }

  /// Neighbours become one: by weight the second of the first two, then by router row the first.
  private static List<PlanStep> merged(String router) {
    List<Group> groups = new ArrayList<>();
    for (int first = 0; first < 16; first += 4) {
      groups.add(new Group(List.of(first, first + 1), List.of(0.4, 0.6), List.of(0.5, 0.5)));
      groups.add(new Group(List.of(first + 2, first + 3), List.of(0.5, 0.5), List.of(1.0, 0.0)));
    }
    List<PlanStep> steps = new ArrayList<>();
    for (int layer = 1; layer < 4; layer++) {
      steps.add(new MergeExperts(layer, "test", router, groups));
    }
    steps.add(new PruneMultiTokenPrediction(3));
    return steps;
  }

  // Where layers differ.

  @Test
  void hasAsManyExpertsAsTheLastLayer() throws IOException {
    MoeModel model = model(true);
    List<PlanStep> steps = uneven(3);

    LoweredPlan lowered = Lowering.lower(model, steps);

    assertThat(lowered.config().text()).contains("\"n_routed_experts\": [12, 12, 8]");
    MoeModel result = MoeModel.of(new PlannedCheckpoint(model.checkpoint(), lowered));
    assertThat(result.layout().experts(4)).isEqualTo(8);
    assertThat(result.inventory().multiTokenPrediction())
        .contains("model.layers.4.mlp.experts.7.up_proj.weight")
        .doesNotContain("model.layers.4.mlp.experts.8.up_proj.weight");
    assertThat(Lowering.lower(result, List.of()).dropped()).isEmpty();
  }

  @Test
  void isNotLikeALayerWithAnotherNumber() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> Lowering.lower(model(true), uneven(1)))
        .withMessage(
            "plan: prune-multi-token-prediction: like layer 1, which keeps 12 experts (expected as"
                + " many as the last layer, 8)");
  }

  @Test
  void isDroppedWhereAnyLayerLosesExperts() throws IOException {
    LoweredPlan lowered = Lowering.lower(model(true), List.of(step(1, TWELVE)));

    assertThat(lowered.dropped())
        .containsEntry(
            PROJECTION, "multi-token prediction: made for 16 experts, the model has 12 to 16 now");
    assertThat(lowered.config().text())
        .contains("\"n_routed_experts\": [12, 16, 16]")
        .contains("\"num_nextn_predict_layers\": 0");
  }

  private static final List<Integer> TWELVE = List.of(0, 1, 2, 4, 5, 6, 9, 10, 11, 12, 13, 15);

  private static List<PlanStep> uneven(int like) {
    return List.of(
        step(1, TWELVE), step(2, TWELVE), step(3, KEPT), new PruneMultiTokenPrediction(like));
  }

  @Test
  void isMaskedLikeALayerOfTheMainModel() throws IOException {
    String bias = "model.layers.4.mlp.gate.e_score_correction_bias";

    LoweredPlan lowered = Lowering.lower(model(true), prunedLike(3, "mask"));

    assertThat(lowered.tensors())
        .filteredOn(tensor -> tensor.info().name().equals(bias))
        .extracting(OutputTensor::program)
        .containsExactly(new Mask(new Copy(bias), List.of(2, 3, 6, 7, 8, 11, 13, 14)));
  }

  @Test
  void anIncompleteBlockIsNotPruned() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> Lowering.lower(model(false), prunedLike(3, "slice")))
        .withMessageContaining("tensor model.layers.4.mlp.gate.weight is missing or not [16, 128]")
        .withMessageEndingWith("Use \"multi-token-prediction: drop\".");
  }

  @Test
  void aLayerWithoutADecisionIsNoModel() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> Lowering.lower(model(true), prunedLike(0, "slice")))
        .withMessage(
            "plan: prune-multi-token-prediction: like layer 0, but no step is about the"
                + " experts of that layer (expected one of [1, 2, 3])");
  }

  @Test
  void whereThereIsNoneNothingIsPruned() throws IOException {
    try (CheckpointDirectory base =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      MoeModel model = MoeModel.of(base);
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(model, prunedLike(3, "slice")))
          .withMessage("plan: the model has no tensors for multi-token prediction to prune");
    }
  }

  private static List<PlanStep> prunedLike(int layer, String router) {
    return prunedLike(layer, router, KEPT);
  }

  private static List<PlanStep> prunedLike(int layer, String router, List<Integer> kept) {
    List<PlanStep> steps = new ArrayList<>();
    for (int main = 1; main < 4; main++) {
      steps.add(
          new KeepExperts(main, "test", router, kept, List.of(), Collections.nCopies(16, 0.0)));
    }
    steps.add(new PruneMultiTokenPrediction(layer));
    return steps;
  }

  /// The trained model, with a projection behind its last layer, and either a copy of that layer or
  /// one tensor of it.
  private static MoeModel model(boolean complete) throws IOException {
    try (CheckpointDirectory base =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      SortedMap<String, TensorInfo> tensors = new TreeMap<>(base.tensors());
      tensors.put(PROJECTION, info(PROJECTION));
      for (TensorInfo info : base.tensors().values()) {
        String name = info.name().replace("model.layers.3.", "model.layers.4.");
        if (!name.equals(info.name()) && (complete || name.equals(EXPERT))) {
          tensors.put(name, new TensorInfo(name, info.dtype(), info.shape()));
        }
      }
      return MoeModel.of(new Headers(base.config(), tensors));
    }
  }

  private static KeepExperts step(int layer, List<Integer> kept) {
    return new KeepExperts(layer, "test", "slice", kept, List.of(), Collections.nCopies(16, 0.0));
  }

  private static TensorInfo info(String name) {
    return new TensorInfo(name, DType.BF16, Shape.of(128, 128));
  }

  /// The trained model, with two tensors of a layer behind its last.
  private static MoeModel model() throws IOException {
    try (CheckpointDirectory base =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      SortedMap<String, TensorInfo> tensors = new TreeMap<>(base.tensors());
      tensors.put(EXPERT, info(EXPERT));
      tensors.put(PROJECTION, info(PROJECTION));
      return MoeModel.of(new Headers(base.config(), tensors));
    }
  }

  /// A checkpoint of which only the headers are looked at.
  private record Headers(ModelConfig config, SortedMap<String, TensorInfo> tensors)
      implements Checkpoint {

    @Override
    public String name() {
      return "headers";
    }

    @Override
    public TensorData read(String tensor, Arena arena) {
      throw new UnsupportedOperationException(tensor);
    }

    @Override
    public void close() {}
  }
}
