package io.moepress.recipes.planning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.GroupMode;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PredictionMode;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.plan.TopKRule;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.Target;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// 16 experts in 4 groups, of which a token uses 4 experts of 2 groups; or 32, of which it uses 4.
class RoutingPlanTest {
  private static final String GROUPED = "deepseekv3";
  private static final String PLAIN = "qwen3moe";

  @TempDir private Path folder;

  /// Keeps equally many experts of each group of the model it is asked about, the first ones.
  private record FirstOfGroups() implements PruneMethod {
    @Override
    public String name() {
      return "first-of-groups";
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public List<KeepExperts> plan(PruneRequest request) {
      int groups = request.layout().groups().count();
      int size = request.layout().experts() / groups;
      List<Integer> kept =
          IntStream.range(0, request.layout().experts())
              .filter(expert ->
                  expert % size
                      < SamplePlans.asked(request, request.layout().moeLayers().getFirst())
                          / groups)
              .boxed()
              .toList();
      List<Double> scores = Collections.nCopies(request.layout().experts(), 0.0);
      return request.layout().moeLayers().stream()
          .map(layer ->
              new KeepExperts(layer, name(), request.router().label(), kept, List.of(), scores))
          .toList();
    }
  }

  // Experts per token.

  @ParameterizedTest
  @CsvSource({
    "qwen3moe, 3, fit, 3",
    "qwen3moe, 1, fit, 1",
    "qwen3moe, 16, 2, 2",
    "qwen3moe, 2, 2, 2",
    "deepseekv3, 8, 1, 1",
  })
  void aTokenUsesFewerWhereTheRecipeSaysSo(String model, int kept, String topK, int left)
      throws IOException {
    Plan plan = plan(model, kept, RouterMode.SLICE, topK, GroupMode.KEEP);

    assertThat(plan.steps()).first().isEqualTo(new LowerTopK(4, left));
    assertThat(plan.notes())
        .contains("change of function: every token uses " + left + " experts, 4 before");
  }

  @ParameterizedTest
  @CsvSource({"qwen3moe, 4, fit", "qwen3moe, 30, 4", "deepseekv3, 8, fit"})
  void nothingIsSaidWhereNothingChanges(String model, int kept, String topK) throws IOException {
    Plan plan = plan(model, kept, RouterMode.SLICE, topK, GroupMode.KEEP);

    assertThat(plan.steps()).allMatch(step -> step instanceof KeepExperts);
    assertThat(plan.notes()).noneMatch(note -> note.contains("change of function"));
  }

  @Test
  void aTokenNeverUsesMoreThanBefore() {
    assertRefused(
        PLAIN,
        16,
        new RouterOptions(
            RouterMode.SLICE, new TopKRule.Lower(5), GroupMode.KEEP, PredictionMode.DROP),
        "top-k: 5, but a token uses only 4 experts (expected at most 4)");
  }

  @Test
  void loweringByTooLittleDoesNotMakeRoom() {
    assertRefused(
        PLAIN,
        2,
        new RouterOptions(
            RouterMode.SLICE, new TopKRule.Lower(3), GroupMode.KEEP, PredictionMode.DROP),
        "2 of 32 experts would stay in each layer, but every token uses 3 (config.json:"
            + " num_experts_per_tok). Keep at least 3, or let a token use fewer with \"top-k:"
            + " fit\".");
  }

  // Groups.

  @Test
  void withoutGroupsTheBudgetNeedNotDivide() throws IOException {
    Plan plan = plan(GROUPED, 7, RouterMode.SLICE, "4", GroupMode.NONE);

    assertThat(plan.after().experts()).isEqualTo(7);
    assertThat(plan.steps()).first().isEqualTo(new IgnoreGroups(4, 2));
    assertThat(plan.notes())
        .contains(
            "change of function: the router ignores its 4 groups of experts, of which a token chose"
                + " from 2");
  }

  @Test
  void withoutGroupsATokenMayReachAllThatStay() throws IOException {
    Plan plan = plan(GROUPED, 3, RouterMode.SLICE, "fit", GroupMode.NONE);

    assertThat(plan.steps().subList(0, 2))
        .containsExactly(new IgnoreGroups(4, 2), new LowerTopK(4, 3));
  }

  @Test
  void aRouterWithoutGroupsStaysAsItIs() throws IOException {
    assertThat(plan(PLAIN, 16, RouterMode.SLICE, "4", GroupMode.NONE).notes()).isEmpty();
  }

  @Test
  void theWayOutOfGroupsIsNamed() {
    assertRefused(
        GROUPED,
        7,
        RouterOptions.DEFAULT,
        "7 of 16 experts would stay in each layer (expected a multiple of 4, at least 8: experts"
            + " stand in 4 groups, and a token uses 2 of these). The nearest is 8. \"groups: none\""
            + " makes one group of all, \"top-k: fit\" lets a token use fewer.");
  }

  // Masks.

  @Test
  void maskedExpertsStayOnDisk() throws IOException {
    Plan plan = plan(GROUPED, 8, RouterMode.MASK, "4", GroupMode.KEEP);

    assertThat(plan.after()).isEqualTo(plan.before());
    assertThat(plan.notes())
        .containsExactly(
            "dropped experts stay on disk and in memory; the selection bias keeps the router from"
                + " choosing them");
  }

  @Test
  void aRouterWithoutSelectionBiasIsRefusedBeforeAnythingIsMeasured() {
    assertRefused(
        PLAIN,
        16,
        RouterOptions.of(RouterMode.MASK),
        "router: mask: the router of qwen3_moe has no selection bias to mask experts with. Use"
            + " \"router: slice\".");
  }

  // Multi-token prediction.

  @Test
  void layersBehindTheLastAreDroppedUnlessTheRecipeSaysOtherwise() throws IOException {
    Plan plan = planWithPrediction(PredictionMode.DROP);

    assertThat(plan.steps()).allMatch(step -> step instanceof KeepExperts);
    assertThat(plan.notes())
        .anyMatch(note -> note.endsWith(" calibration does not reach them"))
        .anyMatch(note -> note.contains("are dropped and num_nextn_predict_layers is set to 0"));
  }

  @Test
  void layersBehindTheLastKeepWhatItKeeps() throws IOException {
    Plan plan = planWithPrediction(PredictionMode.PRUNE);

    assertThat(plan.steps()).last().isEqualTo(new PruneMultiTokenPrediction(3));
    assertThat(plan.notes())
        .containsExactly(
            "layers for multi-token prediction keep the experts of layer 3: calibration does not"
                + " reach them");
    Plan dropped = planWithPrediction(PredictionMode.DROP);
    assertThat(plan.after().bytes()).isGreaterThan(dropped.after().bytes());
  }

  @Test
  void whereThereAreNoneNothingIsSaid() throws IOException {
    try (CheckpointDirectory checkpoint = open(GROUPED)) {
      Plan plan = plan(MoeModel.of(checkpoint), PredictionMode.PRUNE);

      assertThat(plan.steps()).allMatch(step -> step instanceof KeepExperts);
      assertThat(plan.notes()).isEmpty();
    }
  }

  /// The trained model with a copy of its last layer behind it.
  private static Plan planWithPrediction(PredictionMode mode) throws IOException {
    try (CheckpointDirectory base = open(GROUPED)) {
      SortedMap<String, TensorInfo> tensors = new TreeMap<>(base.tensors());
      for (TensorInfo info : base.tensors().values()) {
        String name = info.name().replace("model.layers.3.", "model.layers.4.");
        tensors.put(name, new TensorInfo(name, info.dtype(), info.shape()));
      }
      return plan(MoeModel.of(new Headers(base.config(), tensors)), mode);
    }
  }

  private static Plan plan(MoeModel model, PredictionMode mode) throws IOException {
    RouterOptions options =
        new RouterOptions(RouterMode.SLICE, TopKRule.SAME, GroupMode.KEEP, mode);
    Planner.Subject subject =
        new Planner.Subject(null, "sha256:0", null, null, Target.TRANSFORMERS);
    return Planner.plan(model, step(8, options), subject);
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

  // The plan as a file.

  @Test
  void stepsThatChangeRoutingSurviveTheFile() throws IOException {
    Plan plan = plan(GROUPED, 3, RouterMode.SLICE, "fit", GroupMode.NONE);
    Path file = folder.resolve("plan.json");
    plan.write(file);

    assertThat(Plan.read(file)).isEqualTo(plan);
    assertThat(plan.json())
        .contains("\"kind\": \"ignore-groups\"", "\"kind\": \"lower-top-k\"", "\"from\": 4");
  }

  private static Plan plan(String model, int kept, RouterMode mode, String topK, GroupMode groups)
      throws IOException {
    RouterOptions options =
        new RouterOptions(mode, TopKRule.parse(topK), groups, PredictionMode.DROP);
    try (CheckpointDirectory checkpoint = open(model)) {
      Planner.Subject subject =
          new Planner.Subject(null, "sha256:0", null, null, Target.TRANSFORMERS);
      return Planner.plan(MoeModel.of(checkpoint), step(kept, options), subject);
    }
  }

  private static void assertRefused(String model, int kept, RouterOptions options, String message) {
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> {
          try (CheckpointDirectory checkpoint = open(model)) {
            Planner.preflight(MoeModel.of(checkpoint), step(kept, options), Target.TRANSFORMERS);
          }
        })
        .withMessage(message);
  }

  private static PruneStep step(int kept, RouterOptions options) {
    Protection none = new Protection(false, List.of());
    return new PruneStep(new FirstOfGroups(), new KeepCount(kept), none, options);
  }

  private static CheckpointDirectory open(String model) throws IOException {
    return CheckpointDirectory.open(TestData.path("models/tiny-" + model));
  }
}
