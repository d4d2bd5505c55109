package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Numbers;
import io.moepress.prune.StunPruning.Averaging;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import io.moepress.testdata.TinyTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The first stage of STUN on whole models.
class StunPruningTest {
  private static final BehaviourDistance ROUTER = new BehaviourDistance.Router(true);
  private static final StunPruning STUN = new StunPruning(ROUTER, Averaging.NEVER);
  private static final StunPruning ALWAYS_MEANS = new StunPruning(ROUTER, new Averaging(99, 0));

  @TempDir private Path folder;

  @Test
  void keepingAllIsTheIdentity() throws IOException {
    try (CheckpointDirectory source = trained("tiny-mixtral")) {
      MoeModel model = MoeModel.of(source);
      List<ExpertStep> steps = STUN.plan(request(model, each(model, 8)));

      assertThat(steps).allMatch(step -> step.left() == 8);
      Checkpoint view = new PlannedCheckpoint(source, Lowering.lower(model, steps));
      for (String name : source.tensors().keySet()) {
        assertThat(bytes(view, name)).isEqualTo(bytes(source, name));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"tiny-mixtral, 5", "tiny-qwen3moe, 16", "tiny-deepseekv3, 12"})
  void everyLayerKeepsItsNumber(String name, int count) throws IOException {
    try (CheckpointDirectory source = trained(name)) {
      MoeModel model = MoeModel.of(source);

      List<ExpertStep> steps = STUN.plan(request(model, each(model, count)));

      assertThat(steps).hasSameSizeAs(model.layout().moeLayers());
      assertThat(steps).allMatch(step -> step.left() == count);
      MoeModel after = MoeModel.of(new PlannedCheckpoint(source, Lowering.lower(model, steps)));
      assertThat(after.layout().experts()).isEqualTo(count);
    }
  }

  /// One threshold for all layers: they lose different numbers, the total is what was asked for.
  @ParameterizedTest
  @ValueSource(ints = {64, 96, 113})
  void aBudgetForAllLayersIsMet(int total) throws IOException {
    try (CheckpointDirectory source = trained("tiny-qwen3moe")) {
      MoeModel model = MoeModel.of(source);

      List<ExpertStep> steps = STUN.plan(request(model, new Allocation.Global(total)));

      assertThat(steps.stream().mapToInt(ExpertStep::left).sum()).isEqualTo(total);
      assertThat(steps.stream().mapToInt(ExpertStep::left).distinct().count()).isGreaterThan(1);
      assertThat(steps).allMatch(step -> step.left() >= model.layout().topK());
    }
  }

  @Test
  void whereTheRouterHasGroupsExpertsOfOneGroupAreUnited() throws IOException {
    try (CheckpointDirectory source = trained("tiny-deepseekv3")) {
      MoeModel model = MoeModel.of(source);

      for (ExpertStep step : STUN.plan(request(model, each(model, 8)))) {
        for (Group group : ((MergeExperts) step).groups()) {
          assertThat(group.members().stream().map(expert -> expert / 4).distinct()).hasSize(1);
        }
      }
    }
  }

  @Test
  void guardedExpertsStayAlone() throws IOException {
    try (CheckpointDirectory source = trained("tiny-mixtral")) {
      MoeModel model = MoeModel.of(source);
      SortedSet<ExpertId> guarded = new TreeSet<>(List.of(new ExpertId(0, 2), new ExpertId(0, 5)));

      MergeExperts step =
          (MergeExperts) STUN.plan(request(model, each(model, 3), guarded)).getFirst();

      assertThat(step.groups()).contains(Group.mean(List.of(2)), Group.mean(List.of(5))).hasSize(3);
    }
  }

  @Test
  void tooManyGuardedExpertsAreAnError() throws IOException {
    try (CheckpointDirectory source = trained("tiny-mixtral")) {
      MoeModel model = MoeModel.of(source);
      SortedSet<ExpertId> guarded = new TreeSet<>();
      List.of(1, 2, 3, 4).forEach(expert -> guarded.add(new ExpertId(1, expert)));

      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> STUN.plan(request(model, each(model, 3), guarded)))
          .withMessageContaining(
              "layer 1: 8 experts cannot be united to fewer than 5 (expected 3)");
    }
  }

  /// Twins have the same rows and weights, so either stands for both and so does their mean.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void twinsAreUnitedWithoutLoss(boolean averaged) throws IOException {
    TinyMoe moe =
        TinyMoe.qwen3()
            .dtype("BF16")
            .plant(Planted.twinExperts(1, 0, 3))
            .plant(StunPruningTest::likeRows);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(source);
      SortedMap<Integer, Integer> counts = new TreeMap<>(Map.of(0, 4, 1, 3));

      List<ExpertStep> steps =
          (averaged ? ALWAYS_MEANS : STUN).plan(request(model, new Allocation.EachLayer(counts)));

      MergeExperts second = (MergeExperts) steps.getLast();
      assertThat(second.groups().getFirst().members()).containsExactly(0, 3);
      assertThat(second.groups().getFirst().representative().isPresent()).isEqualTo(!averaged);
      assertThat(second.router()).isEqualTo(averaged ? "mean" : "representative");
    }
  }

  /// The router rows of experts 0 and 3 of layer 1 become the same.
  private static void likeRows(TinyMoe moe, SortedMap<String, TinyTensor> tensors) {
    float[] rows = Objects.requireNonNull(tensors.get("model.layers.1.mlp.gate.weight")).values();
    int width = rows.length / 4;
    System.arraycopy(rows, 0, rows, 3 * width, width);
  }

  /// The representative, by its definition.
  @Test
  void theRepresentativeIsNearestToTheMean() throws IOException {
    try (CheckpointDirectory source = trained("tiny-mixtral")) {
      MoeModel model = MoeModel.of(source);
      for (List<Integer> members : List.of(List.of(1, 4, 6), List.of(0, 2, 3, 5, 7))) {
        assertThat(new Representative(model, 2).of(members)).isEqualTo(naive(model, 2, members));
      }
    }
  }

  private static int naive(MoeModel model, int layer, List<Integer> members) throws IOException {
    List<double[]> weights = new ArrayList<>();
    for (int member : members) {
      weights.add(flattened(model, layer, member));
    }
    int best = -1;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < members.size(); i++) {
      double distance = 0;
      for (int element = 0; element < weights.get(i).length; element++) {
        double mean = 0;
        for (double[] each : weights) {
          mean += each[element] / weights.size();
        }
        distance += Math.pow(weights.get(i)[element] - mean, 2);
      }
      if (distance < least) {
        least = distance;
        best = members.get(i);
      }
    }
    return best;
  }

  private static double[] flattened(MoeModel model, int layer, int expert) throws IOException {
    List<Double> all = new ArrayList<>();
    for (TensorRole role :
        List.of(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP, TensorRole.EXPERT_DOWN)) {
      try (Arena arena = Arena.ofConfined()) {
        for (float value : Numbers.floats(model.read(new TensorId(role, layer, expert), arena))) {
          all.add((double) value);
        }
      }
    }
    return all.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /// Both readings of the paper's κ.
  @Test
  void averagingDependsOnTheClustersOfTheLayerOrOnTheirMembers() {
    assertThat(new Averaging(2, 0).averages(2, 7)).isTrue();
    assertThat(new Averaging(2, 0).averages(3, 2)).isFalse();
    assertThat(new Averaging(0, 3).averages(9, 3)).isTrue();
    assertThat(new Averaging(0, 3).averages(1, 4)).isFalse();
    assertThat(Averaging.NEVER.averages(1, 1)).isFalse();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Averaging(2, 3))
        .withMessageContaining("expected one reading");
  }

  @Test
  void expertsCannotBeMasked() throws IOException {
    try (CheckpointDirectory source = trained("tiny-deepseekv3")) {
      MoeModel model = MoeModel.of(source);
      PruneRequest masked =
          new PruneRequest(
              () -> model,
              model.layout(),
              evidence(model),
              each(model, 8),
              new TreeSet<>(),
              RouterMode.MASK);

      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> STUN.plan(masked))
          .withMessageContaining("router: slice");
    }
  }

  private static Allocation each(MoeModel model, int count) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    model.layout().moeLayers().forEach(layer -> counts.put(layer, count));
    return new Allocation.EachLayer(counts);
  }

  private static PruneRequest request(MoeModel model, Allocation allocation) {
    return request(model, allocation, new TreeSet<>());
  }

  private static PruneRequest request(
      MoeModel model, Allocation allocation, SortedSet<ExpertId> guarded) {
    return new PruneRequest(
        () -> model, model.layout(), evidence(model), allocation, guarded, RouterMode.SLICE);
  }

  private static Evidence evidence(MoeModel model) {
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    for (int layer : model.layout().moeLayers()) {
      layers.put(layer, new Evidence.Layer(model.layout().experts(), Map.of()));
    }
    return new Evidence("sha256:0", 0, List.of(), layers);
  }

  private static CheckpointDirectory trained(String name) throws IOException {
    return CheckpointDirectory.open(TestData.path("models/" + name));
  }

  private static byte[] bytes(Checkpoint checkpoint, String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return checkpoint.read(name, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }
}
