package io.moepress.recipes.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.LinearSums;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.SparsifyWeights.Part;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.planning.Planner.Subject;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.target.Target;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two layers of four experts, hidden 16, width 8. Expert 2 of layer 1 saw no token.
class SparsifyPlanningTest {
  private static final String CHECKPOINT = "sha256:tiny";

  @TempDir private Path folder;

  @Test
  void normsAreRootMeanSquaresOverTheTokensOfAnExpert() throws IOException {
    SparsifyWeights step =
        steps(plan("40%", options(LinearScope.EXPERTS, StarvedMode.SKIP, 0))).get(1);

    Part inputs = step.parts().getFirst();
    assertThat(inputs.input()).isEqualTo(LinearInput.EXPERT);
    assertThat(inputs.linears()).containsExactly(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP);
    assertThat(inputs.dense()).containsExactly(2);
    float[] norms = norms(inputs);
    assertThat(norms).hasSize(4 * 16);
    // expert 3: squares of 4 · 9 over 4 tokens
    assertThat(Arrays.copyOfRange(norms, 48, 64)).containsOnly(3);
    assertThat(Arrays.copyOfRange(norms, 32, 48)).containsOnly(1);
  }

  @Test
  void tokensMayCountByTheirWeight() throws IOException {
    SparsifyWeights step =
        steps(plan("40%", options(LinearScope.EXPERTS, StarvedMode.SKIP, 2))).get(1);

    assertThat(norms(step.parts().getLast())[3 * 8]).isCloseTo(1.5f, within(1e-6f));
  }

  @Test
  void starvedExpertsStayDenseAndAreListed() throws IOException {
    Plan plan = plan("50%", options(LinearScope.FEED_FORWARD, StarvedMode.SKIP, 0));

    assertThat(plan.notes())
        .contains(
            "1 experts saw no calibration token, so all their weights stay (layer:expert): [1:2]")
        // 7 of 8 experts lose half of 3 · 16 · 8 weights each
        .anyMatch(note -> note.startsWith("zeros: 43.75% of the 3,072 weights in scope"));
  }

  @Test
  void orTheyLoseTheirSmallestWeights() throws IOException {
    Plan plan = plan("50%", options(LinearScope.FEED_FORWARD, StarvedMode.MAGNITUDE, 0));

    assertThat(steps(plan)).allMatch(step -> step.parts().getFirst().dense().isEmpty());
    assertThat(plan.notes())
        .anyMatch(note -> note.startsWith("zeros: 50.00% of the 3,072 weights"))
        .anyMatch(note -> note.contains("so the smallest of their weights go"));
  }

  @Test
  void attentionAndRoutersOnlyWhenAskedFor() throws IOException {
    Plan plan = plan("50%", options(LinearScope.ALL_LINEAR, StarvedMode.SKIP, 0));

    assertThat(steps(plan).getFirst().parts().stream().map(Part::input))
        .containsExactly(
            LinearInput.ATTENTION,
            LinearInput.ATTENTION_OUTPUT,
            LinearInput.FEED_FORWARD,
            LinearInput.EXPERT,
            LinearInput.EXPERT_DOWN);
    assertThat(steps(plan).getFirst().parts().get(2).linears()).containsExactly(TensorRole.ROUTER);
    assertThat(plan.notes())
        .contains("change of function: routers and attention lose weights, too");
  }

  @Test
  void thePlanSaysThatNothingGetsSmaller() throws IOException {
    Plan plan = plan("50%", options(LinearScope.EXPERTS, StarvedMode.SKIP, 0));

    assertThat(plan.after()).isEqualTo(plan.before());
    assertThat(plan.notes())
        .anyMatch(note -> note.contains("no stock runtime loads the result in less memory"))
        .contains("all layers were measured in the model as it was");
  }

  @Test
  void aPatternThatRowsCannotBeDividedByIsRefused() {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> plan("1:16", options(LinearScope.EXPERTS, StarvedMode.SKIP, 0)))
        .withMessageContaining("have 8 weights (expected a multiple of 16)");
  }

  @Test
  void evidenceBehindOtherDecisionsIsRefused() {
    SparsityOptions sequential =
        new SparsityOptions(LinearScope.EXPERTS, true, StarvedMode.SKIP, 0);

    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> plan("50%", sequential))
        .withMessageContaining("measured with every layer as it is (expected each layer changed")
        .withMessageContaining("50%");
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(
            () -> plan("50%", options(LinearScope.EXPERTS, StarvedMode.SKIP, 0), "wanda; 40%"))
        .withMessageContaining("expected every layer as it is");
  }

  @Test
  void whatWasNotGatheredIsNamed() {
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> {
          try (CheckpointDirectory source = open()) {
            Evidence full = evidence(null);
            Evidence without = new Evidence(CHECKPOINT, 512, full.domains(), full.layers(), null);
            plan(source, "50%", options(LinearScope.ALL_LINEAR, StarvedMode.SKIP, 0), without);
          }
        })
        .withMessageContaining("no linear-input-square-sum of attention in layer 0");
  }

  private static float[] norms(Part part) {
    return Objects.requireNonNull(part.norms()).floats();
  }

  private static List<SparsifyWeights> steps(Plan plan) {
    return plan.steps().stream().map(SparsifyWeights.class::cast).toList();
  }

  private static SparsityOptions options(LinearScope scope, StarvedMode starved, int gatePower) {
    return new SparsityOptions(scope, false, starved, gatePower);
  }

  private CheckpointDirectory open() throws IOException {
    return CheckpointDirectory.open(TinyMoe.qwen3().write(folder));
  }

  private Plan plan(String pattern, SparsityOptions options) throws IOException {
    return plan(pattern, options, null);
  }

  private Plan plan(String pattern, SparsityOptions options, @Nullable String propagation)
      throws IOException {
    try (CheckpointDirectory source = open()) {
      return plan(source, pattern, options, evidence(propagation));
    }
  }

  private static Plan plan(
      CheckpointDirectory source, String pattern, SparsityOptions options, Evidence evidence)
      throws IOException {
    ZeroPattern zeros = ZeroPattern.parse(pattern);
    SortedMap<Integer, ZeroPattern> patterns = new TreeMap<>(Map.of(0, zeros, 1, zeros));
    SparsifyStep step = new SparsifyStep(new DecidedSparsity("wanda", patterns), zeros, options);
    return Planner.plan(
        MoeModel.of(source),
        step,
        new Subject(null, CHECKPOINT, evidence, "sha256:evidence", Target.TRANSFORMERS));
  }

  private static Evidence evidence(@Nullable String propagation) {
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    SortedMap<Integer, LinearSums> linears = new TreeMap<>();
    for (int layer = 0; layer < 2; layer++) {
      double[] routed = {6, 6, layer == 1 ? 0 : 4, 4};
      Map<Statistic, double[][]> matrices =
          Map.of(
              Statistic.INPUT_SQUARE_SUM, rows(routed, 16, 9),
              Statistic.INTERMEDIATE_SQUARE_SUM, rows(routed, 8, 4),
              Statistic.GATED_INPUT_SQUARE_SUM, rows(routed, 16, 6.25),
              Statistic.GATED_INTERMEDIATE_SQUARE_SUM, rows(routed, 8, 2.25));
      layers.put(
          layer,
          new Evidence.Layer(
              4,
              Map.of(Statistic.ROUTED_TOKENS, new double[][] {routed}),
              new LargeParts.InMemory(matrices, null)));
      linears.put(
          layer,
          new LinearSums.InMemory(
              Map.of(
                  LinearStatistic.LINEAR_INPUT_SQUARE_SUM,
                  Map.of(
                      LinearInput.ATTENTION, rows(new double[] {10}, 16, 1),
                      LinearInput.ATTENTION_OUTPUT, rows(new double[] {10}, 16, 1),
                      LinearInput.FEED_FORWARD, rows(new double[] {10}, 16, 1)))));
    }
    Evidence.Domain domain = new Evidence.Domain("math", "sha256:0", 1, 10);
    return new Evidence(CHECKPOINT, 512, List.of(domain), layers, null, linears, propagation);
  }

  private static double[][] rows(double[] tokens, int width, double square) {
    double[][] rows = new double[tokens.length][width];
    for (int row = 0; row < rows.length; row++) {
      Arrays.fill(rows[row], tokens[row] * square);
    }
    return rows;
  }
}
