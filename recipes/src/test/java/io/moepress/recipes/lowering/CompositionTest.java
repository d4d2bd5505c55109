package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Two plans composed do what they do one after the other.
class CompositionTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void composedPlansGiveTheSameBytes(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    TinyMoe moe = random.nextBoolean() ? TinyMoe.qwen3() : TinyMoe.mixtral();
    moe.experts(9).dtype(random.nextBoolean() ? "F32" : "BF16");
    if (random.nextBoolean()) {
      moe.plant(Stacked.OUTPUT_FIRST);
    }

    assertSame(moe.write(folder), random);
  }

  /// With a selection bias: steps mask or slice, in any order.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void masksComposeToo(long seed) throws IOException {
    assertSame(TestData.path("models/tiny-deepseekv3"), new SplittableRandom(seed));
  }

  private static void assertSame(Path directory, SplittableRandom random) throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(directory)) {
      LoweredPlan first = lower(source, random);
      Checkpoint once = new PlannedCheckpoint(source, first);
      LoweredPlan second = lower(once, random);
      Checkpoint twice = new PlannedCheckpoint(once, second);

      LoweredPlan both = first.then(second);

      Checkpoint composed = new PlannedCheckpoint(source, both);
      assertThat(composed.config().text()).isEqualTo(twice.config().text());
      assertThat(composed.tensors()).isEqualTo(twice.tensors());
      for (TensorInfo info : twice.tensors().values()) {
        assertThat(bytes(composed, info)).as(info.name()).isEqualTo(bytes(twice, info));
      }
      assertAccountsForAll(source, both);
    }
  }

  private static void assertAccountsForAll(Checkpoint source, LoweredPlan plan) {
    Set<String> used = new HashSet<>();
    plan.tensors().forEach(tensor -> used.addAll(tensor.program().sources()));
    assertThat(Collections.disjoint(used, plan.dropped().keySet())).isTrue();
    used.addAll(plan.dropped().keySet());
    assertThat(used).isEqualTo(source.tensors().keySet());
  }

  /// Keeps some experts of each layer, drawn by lot.
  private static LoweredPlan lower(Checkpoint checkpoint, SplittableRandom random) {
    MoeModel model = MoeModel.of(checkpoint);
    ModelLayout layout = model.layout();
    List<PlanStep> steps = new ArrayList<>();
    if (layout.groups().count() > 1) {
      steps.add(new IgnoreGroups(layout.groups().count(), layout.groups().open()));
    }
    if (layout.topK() > 2) {
      steps.add(new LowerTopK(layout.topK(), 2));
    }
    boolean maskable = checkpoint.config().modelType().equals("deepseek_v3");
    String router = maskable && random.nextBoolean() ? "mask" : "slice";
    int kept = random.nextInt(2, layout.experts() + 1);
    for (int layer : layout.moeLayers()) {
      steps.add(
          new KeepExperts(
              layer,
              "lot",
              router,
              choose(random, layout.experts(), kept),
              List.of(),
              Collections.nCopies(layout.experts(), 0.0)));
    }
    return Lowering.lower(model, steps);
  }

  private static List<Integer> choose(SplittableRandom random, int experts, int count) {
    Set<Integer> chosen = new TreeSet<>();
    while (chosen.size() < count) {
      chosen.add(random.nextInt(experts));
    }
    return List.copyOf(chosen);
  }

  // The rules one by one.

  @Test
  void copiesVanish() {
    assertThat(composed(new Copy("a"), new Copy("t"))).isEqualTo(new Copy("a"));
    assertThat(composed(new Rows("a", List.of(3, 1)), new Copy("t")))
        .isEqualTo(new Rows("a", List.of(3, 1)));
    assertThat(composed(new Copy("a"), new Rows("t", List.of(2))))
        .isEqualTo(new Rows("a", List.of(2)));
  }

  @Test
  void rowsOfRowsAreRows() {
    assertThat(composed(new Rows("a", List.of(5, 3, 1)), new Rows("t", List.of(2, 0))))
        .isEqualTo(new Rows("a", List.of(1, 5)));
  }

  @Test
  void masksMoveOutwards() {
    Mask mask = new Mask(new Copy("a"), List.of(1, 4));

    assertThat(composed(mask, new Copy("t"))).isEqualTo(mask);
    assertThat(composed(mask, new Rows("t", List.of(0, 4, 5))))
        .isEqualTo(new Mask(new Rows("a", List.of(0, 4, 5)), List.of(1)));
    assertThat(composed(mask, new Rows("t", List.of(0, 2))))
        .isEqualTo(new Rows("a", List.of(0, 2)));
    assertThat(composed(mask, new Mask(new Copy("t"), List.of(0, 4))))
        .isEqualTo(new Mask(new Copy("a"), List.of(0, 1, 4)));
    assertThat(composed(new Rows("a", List.of(7, 9)), new Mask(new Copy("t"), List.of(1))))
        .isEqualTo(new Mask(new Rows("a", List.of(7, 9)), List.of(1)));
  }

  /// The program for `t` in between, then one that reads `t`.
  private static TensorProgram composed(TensorProgram first, TensorProgram second) {
    return plan(first).then(plan(second)).tensors().getFirst().program();
  }

  private static LoweredPlan plan(TensorProgram program) {
    TensorInfo info = new TensorInfo("t", DType.F32, Shape.of(1));
    return new LoweredPlan(
        ModelConfig.parse("{}"), List.of(new OutputTensor(info, program)), new TreeMap<>());
  }

  @Test
  void droppedTensorsKeepTheirFirstName() throws IOException {
    TinyMoe moe = TinyMoe.mixtral().layers(1).topK(1);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      LoweredPlan first =
          Lowering.lower(MoeModel.of(source), List.of(SamplePlans.keep(0, 4, 0, 2, 3)));
      Checkpoint once = new PlannedCheckpoint(source, first);
      LoweredPlan second = Lowering.lower(MoeModel.of(once), List.of(SamplePlans.keep(0, 3, 0)));

      assertThat(first.then(second).dropped())
          .containsEntry(moe.family().up(0, 1), "expert 1 of layer 0 dropped")
          .containsEntry(
              moe.family().up(0, 2),
              "as " + moe.family().up(0, 1) + ": expert 1 of layer 0 dropped")
          .containsEntry(
              moe.family().up(0, 3),
              "as " + moe.family().up(0, 2) + ": expert 2 of layer 0 dropped");
    }
  }

  @Test
  void aPlanForAnotherResultIsRefused() {
    LoweredPlan other = plan(new Copy("elsewhere"));

    assertThatIllegalArgumentException()
        .isThrownBy(() -> plan(new Copy("a")).then(other))
        .withMessage("the plan before gives no tensor elsewhere");
  }

  private static byte[] bytes(Checkpoint checkpoint, TensorInfo info) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return checkpoint.read(info.name(), arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }
}
