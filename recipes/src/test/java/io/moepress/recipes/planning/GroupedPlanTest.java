package io.moepress.recipes.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.HandmadeEvidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.Target;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class GroupedPlanTest {

  @Test
  void refusesBeforeTheMethodIsAsked() {
    assertThatThrownBy(() -> plan("deepseekv3", 7, new NeverAsked()))
        .isInstanceOf(PlanMismatchException.class)
        .hasMessageContaining("The nearest is 8.");
  }

  @Test
  void doesNotWarnOfGrowingWeightsWhereScoresAreIndependent() throws IOException {
    assertThat(plan("deepseekv3", 8, new EverySecond()).notes())
        .noneMatch(note -> note.contains("renormalise"));
  }

  @Test
  void restrictsNothingWithoutGroups() throws IOException {
    assertThat(plan("qwen3moe", 16, new EverySecond()).after().experts()).isEqualTo(16);
  }

  /// Layer 3 of 4 is no longer below three quarters, though it is the third of three with experts.
  @Test
  void denseLayersCountWhereSuperExpertsAreSought() throws IOException {
    assertThat(extremeIn(2)).contains("super experts (layer:expert), protected: [2:5]");
    assertThat(extremeIn(3)).contains("no super experts found");
  }

  /// The notes of a plan where expert 5 of a layer has by far the largest output.
  private static List<String> extremeIn(int layer) throws IOException {
    HandmadeEvidence evidence = HandmadeEvidence.of("math");
    for (int moe = 1; moe <= 3; moe++) {
      double[] maxima = new double[16];
      Arrays.fill(maxima, 1);
      maxima[5] = moe == layer ? 1000 : 1;
      evidence.with(moe, Statistic.OUTPUT_MAXIMUM, maxima);
      evidence.with(moe, Statistic.ROUTED_TOKENS, maxima.clone());
    }
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      PruneStep step =
          new PruneStep(new EverySecond(), new KeepCount(8), Protection.DEFAULT, RouterMode.SLICE);
      Planner.Subject subject =
          new Planner.Subject(
              null, HandmadeEvidence.CHECKPOINT, evidence.evidence(), null, Target.TRANSFORMERS);
      return Planner.plan(MoeModel.of(checkpoint), step, subject).notes();
    }
  }

  private static Plan plan(String name, int kept, PruneMethod method) throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("models/tiny-" + name))) {
      PruneStep step =
          new PruneStep(
              method, new KeepCount(kept), new Protection(false, List.of()), RouterMode.SLICE);
      Planner.Subject subject =
          new Planner.Subject(null, "sha256:0", null, null, Target.TRANSFORMERS);
      return Planner.plan(MoeModel.of(checkpoint), step, subject);
    }
  }

  /// Keeps every second expert.
  private record EverySecond() implements PruneMethod {
    @Override
    public String name() {
      return "every-second";
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public List<KeepExperts> plan(PruneRequest request) {
      int experts = request.layout().experts();
      List<Integer> kept = IntStream.range(0, experts / 2).map(i -> 2 * i).boxed().toList();
      List<Double> scores = Collections.nCopies(experts, 0.0);
      return request.layout().moeLayers().stream()
          .map(layer -> new KeepExperts(layer, name(), "slice", kept, List.of(), scores))
          .toList();
    }
  }

  /// Fails when it is asked for a plan.
  private record NeverAsked() implements PruneMethod {
    @Override
    public String name() {
      return "never-asked";
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public List<KeepExperts> plan(PruneRequest request) {
      throw new AssertionError("asked");
    }
  }
}
