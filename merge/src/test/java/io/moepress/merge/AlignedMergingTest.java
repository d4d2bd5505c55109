package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.testdata.Planted;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Expert 3 is expert 1 with its neurons in another order: merged neuron by neuron, nothing is
/// lost.
class AlignedMergingTest {
  private static final int WIDTH = 9;
  private static final int HIDDEN = 20;
  private static final int[] ORDER = {4, 0, 8, 2, 7, 1, 3, 6, 5};
  private static final MergeMethod FREQUENCY =
      new HcSmoeMerging(Linkage.AVERAGE, Features.OUTPUTS, Weighting.FREQUENCY);
  private static final MergeMethod FIXED =
      new HcSmoeMerging(Linkage.AVERAGE, Features.OUTPUTS, Weighting.FIXED_DOMINANT);

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"WEIGHTS", "ACTIVATIONS"})
  void everyNeuronFindsItsCopy(Alignment align) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe().write(folder))) {
      MergeExperts step = ask(MoeModel.of(checkpoint), align, FREQUENCY);

      assertThat(places(step, 3)).isEqualTo(ORDER);
      assertThat(places(step, 1)).isEqualTo(IntStream.range(0, WIDTH).toArray());
    }
  }

  /// The nearest neuron of a copy is its original, so several never go to one place here.
  @Test
  void fixedDominantFindsThemToo() throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe().write(folder))) {
      MergeExperts step = ask(MoeModel.of(checkpoint), Alignment.NONE, FIXED);

      // both are equally near to their mean, so the lower one is dominant
      assertThat(places(step, 3)).isEqualTo(ORDER);
    }
  }

  @Test
  void averagedInEqualPlacesTheyAreNeither() throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe().write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      ExpertWeights original = ExpertWeights.read(model, 0, 1);
      MoeModel merged = merged(model, null, ask(model, Alignment.NONE, FREQUENCY));

      assertThat(ExpertWeights.read(merged, 0, 1).get(Projection.UP))
          .isNotEqualTo(original.get(Projection.UP));
    }
  }

  /// However experts are stored, expert 1 of the result is expert 1 of the source, up to one
  /// rounding of float32 numbers below 1.
  @ParameterizedTest
  @EnumSource(Stacked.class)
  void matchedTwinsMergeWithoutLossInEveryStorage(Stacked stacked) throws IOException {
    Architecture architecture = architecture(stacked);
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(moe().plant(stacked).write(folder))) {
      MoeModel model = MoeModel.of(checkpoint, architecture);
      assertLossless(model, architecture, ask(model, Alignment.WEIGHTS, FREQUENCY));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"WEIGHTS", "ACTIVATIONS"})
  void matchedTwinsMergeWithoutLossInTensorsOfTheirOwn(Alignment align) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe().write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      MergeExperts step = ask(model, align, FREQUENCY);
      assertLossless(model, null, step);

      LoweredPlan lowered = Lowering.lower(model, List.of(step));
      assertThat(lowered.dropped().keySet()).noneMatch(name -> name.contains("experts."));
    }
  }

  private static void assertLossless(
      MoeModel model, @Nullable Architecture architecture, MergeExperts step) throws IOException {
    MoeModel merged = merged(model, architecture, step);
    assertThat(merged.layout().experts()).isEqualTo(3);
    for (int expert = 0; expert < 3; expert++) { // 3 went into 1
      ExpertWeights before = ExpertWeights.read(model, 0, expert);
      ExpertWeights after = ExpertWeights.read(merged, 0, expert);
      for (Projection projection : Projection.values()) {
        assertThat(after.get(projection))
            .containsExactly(before.get(projection), within(Math.scalb(1.0, -23)));
      }
    }
  }

  /// Twins share a space of as many dimensions as one of them has.
  @Test
  void aSharedSpaceOfTwinsHoldsAllOfThem() throws IOException {
    TinyMoe twins = base().plant(Planted.twinExperts(0, 1, 3));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(twins.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      SubMoeMerging half = new SubMoeMerging(KeepRatio.parse("50%"), false, 1, 3, 1);
      MergeExperts step = ask(model, Alignment.NONE, half);
      assertThat(step.groups()).hasSize(3);
      MergeExperts cut = Objects.requireNonNull(step);

      // down: 20 rows of rank at most 9, so 10 of 20 hold all of it; gate and up: 5 of 9
      ExpertWeights before = ExpertWeights.read(model, 0, 1);
      ExpertWeights after = ExpertWeights.read(merged(model, null, cut), 0, 1);
      assertThat(after.get(Projection.DOWN))
          .containsExactly(before.get(Projection.DOWN), within(1e-6));
      assertThat(after.get(Projection.UP)).isNotEqualTo(before.get(Projection.UP));
      assertThat(Objects.requireNonNull(cut.rule().subspace()).energy()).isBetween(0.5, 1.0);
    }
  }

  private static int[] places(MergeExperts step, int expert) {
    PlanArray neurons = Objects.requireNonNull(step.rule().neurons());
    assertThat(neurons.shape()).containsExactly(4L, (long) WIDTH);
    return Arrays.copyOfRange(neurons.ints(), expert * WIDTH, (expert + 1) * WIDTH);
  }

  private static MoeModel merged(
      MoeModel model, @Nullable Architecture architecture, MergeExperts step) {
    PlannedCheckpoint planned =
        new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, List.of(step)));
    return architecture == null ? MoeModel.of(planned) : MoeModel.of(planned, architecture);
  }

  /// Three experts are to be left. Experts 1 and 3 are equal by any measure of outputs, and 1 is
  /// used most.
  private static MergeExperts ask(MoeModel model, Alignment align, MergeMethod method)
      throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    float[] inputs = new float[40 * HIDDEN];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (float) random.nextDouble(-3, 3);
    }
    return new MergeQuestion(model.layout())
        .model(model)
        .routed(1, 6, 1, 2)
        .meanOutputs(new double[] {0}, new double[] {3}, new double[] {7}, new double[] {3})
        .meanCosines(
            new double[] {1, 0, 0, 0},
            new double[] {0, 1, 0, 1},
            new double[] {0, 0, 1, 0},
            new double[] {0, 1, 0, 1})
        .inputs(inputs)
        .options(align, MergeRouter.DOMINANT)
        .ask(method, 3);
  }

  private static TinyMoe moe() {
    return base().plant(Planted.shuffledTwin(0, 1, 3, ORDER));
  }

  private static TinyMoe base() {
    return TinyMoe.mixtral()
        .dtype("F32")
        .layers(1)
        .hidden(HIDDEN)
        .expertWidth(WIDTH)
        .experts(4)
        .topK(1);
  }

  private static Architecture architecture(Stacked stacked) throws IOException {
    try (InputStream stream =
        Objects.requireNonNull(Architecture.class.getResourceAsStream("mixtral.json"))) {
      String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return Json.bind(
          Json.object(stacked.architecture(text), "mixtral.json"),
          Architecture.class,
          "mixtral.json");
    }
  }
}
