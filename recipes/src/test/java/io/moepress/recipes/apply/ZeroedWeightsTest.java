package io.moepress.recipes.apply;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.plan.SampleZeros;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyEdit;
import io.moepress.testdata.TinyMoe;
import io.moepress.testdata.TinyTensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Weights that are set to zero on the way, against checkpoints in which sorting each row did it.
class ZeroedWeightsTest {
  private static final int EXPERTS = 5;
  private static final int HIDDEN = 20;
  private static final int WIDTH = 12;

  @TempDir private Path folder;

  private static TinyMoe moe(String dtype) {
    return TinyMoe.mixtral().dtype(dtype).hidden(HIDDEN).expertWidth(WIDTH).experts(EXPERTS);
  }

  private static SampleZeros zeros(String pattern) {
    return new SampleZeros(7, EXPERTS, HIDDEN, WIDTH, ZeroPattern.parse(pattern), List.of(1, 4));
  }

  /// The checkpoint as it should become; all other bytes are those of the source.
  private static TinyEdit naive(SampleZeros zeros) {
    return (moe, tensors) -> {
      for (int layer = 0; layer < 2; layer++) {
        for (int expert = 0; expert < EXPERTS; expert++) {
          for (String name :
              List.of(
                  moe.family().gate(layer, expert),
                  moe.family().up(layer, expert),
                  moe.family().down(layer, expert))) {
            TinyTensor weights = Objects.requireNonNull(tensors.get(name)).stored();
            int inputs = Math.toIntExact(weights.shape()[1]);
            tensors.put(
                name,
                new TinyTensor(
                    weights.dtype(),
                    weights.shape(),
                    zeros.zeroed(layer, expert, inputs, weights.values())));
          }
        }
      }
    };
  }

  @ParameterizedTest
  @CsvSource({"F32, 40%", "BF16, 40%", "F16, 40%", "BF16, 2:4", "F32, 1:4", "BF16, 0%", "F32, 99%"})
  void eachRowLosesItsSmallestProducts(String dtype, String pattern) throws IOException {
    SampleZeros zeros = zeros(pattern);
    Path expected = moe(dtype).plant(naive(zeros)).write(folder.resolve("expected"));
    Path source = moe(dtype).write(folder.resolve("source"));

    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      assertSame(view(MoeModel.of(checkpoint), zeros.separate(0), zeros.separate(1)), expected);
    }
  }

  @ParameterizedTest
  @EnumSource(Stacked.class)
  void howeverExpertsAreStored(Stacked stacked) throws IOException {
    SampleZeros zeros = zeros("40%");
    TinyMoe planted = moe("BF16").plant(naive(zeros)).plant(stacked);
    Path expected = planted.write(folder.resolve("expected"));
    Path source = moe("BF16").plant(stacked).write(folder.resolve("source"));

    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      MoeModel model = MoeModel.of(checkpoint, architecture(stacked));
      assertSame(view(model, zeros.stacked(0), zeros.stacked(1)), expected);
    }
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

  @ParameterizedTest
  @CsvSource({"1, 8KB", "3, 8KB", "2, 1GB"})
  void whatIsWrittenIsWhatIsRead(int threads, String shard) throws IOException {
    SampleZeros zeros = zeros("40%");
    Path expected = moe("BF16").plant(naive(zeros)).write(folder.resolve("expected"));
    Path source = moe("BF16").write(folder.resolve("source"));
    List<SparsifyWeights> steps = List.of(zeros.separate(0), zeros.separate(1));

    Path output = folder.resolve("output");
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(threads)) {
      new Applier(checkpoint, workers, Progress.SILENT)
          .apply(
              SamplePlans.plan(steps),
              Lowering.lower(MoeModel.of(checkpoint), steps),
              new Applier.Output(output, false, ByteSize.parse(shard)));
    }

    try (CheckpointDirectory written = CheckpointDirectory.open(output)) {
      assertSame(written, expected);
      assertThat(
              Manifest.read(output)
                  .tensors()
                  .get("model.layers.0.block_sparse_moe.experts.0.w1.weight"))
          .extracting(Manifest.Tensor::how)
          .isEqualTo("the smallest 40% of each row zero");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void someRowsAreThoseOfAll(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    boolean stacked = random.nextBoolean();
    TinyMoe moe = stacked ? moe("F16").plant(Stacked.OUTPUT_FIRST) : moe("F16");
    SampleZeros zeros = zeros("55%");

    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      Checkpoint view =
          view(
              MoeModel.of(checkpoint),
              stacked ? zeros.stacked(0) : zeros.separate(0),
              stacked ? zeros.stacked(1) : zeros.separate(1));
      for (TensorInfo info : view.tensors().values()) {
        long rows = info.shape().dimension(0);
        long first = random.nextLong(rows);
        long count = random.nextLong(1, rows - first + 1);
        try (Arena arena = Arena.ofConfined()) {
          assertThat(bytes(view.readRows(info.name(), first, count, arena).bytes()))
              .as(info.name())
              .isEqualTo(bytes(view.read(info.name(), arena).rows(first, count).bytes()));
        }
      }
    }
  }

  /// Dropping experts first or afterwards, and zeros twice: one plan of both is both in turn.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void composedPlansGiveTheSameBytes(boolean stacked) throws IOException {
    TinyMoe moe = stacked ? moe("BF16").plant(Stacked.OUTPUT_FIRST) : moe("BF16");
    SampleZeros all = zeros("30%");
    SampleZeros left = new SampleZeros(9, 3, HIDDEN, WIDTH, ZeroPattern.parse("2:4"), List.of(0));
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      Checkpoint view = source;
      LoweredPlan plan = null;
      List<List<? extends PlanStep>> chain = new ArrayList<>();
      chain.add(List.of(step(all, stacked, 0), step(all, stacked, 1)));
      chain.add(List.of(keep(0, EXPERTS, 0, 1, 3), keep(1, EXPERTS, 2, 3, 4)));
      chain.add(List.of(step(left, stacked, 0), step(left, stacked, 1)));
      for (List<? extends PlanStep> steps : chain) {
        LoweredPlan next = Lowering.lower(MoeModel.of(view), steps);
        view = new PlannedCheckpoint(view, next);
        plan = plan == null ? next : plan.then(next);
      }

      Checkpoint composed = new PlannedCheckpoint(source, Objects.requireNonNull(plan));

      assertThat(composed.tensors()).isEqualTo(view.tensors());
      for (String name : view.tensors().keySet()) {
        assertThat(bytes(composed, name)).as(name).isEqualTo(bytes(view, name));
      }
    }
  }

  private static SparsifyWeights step(SampleZeros zeros, boolean stacked, int layer) {
    return stacked ? zeros.stacked(layer) : zeros.separate(layer);
  }

  @Test
  void zerosOfZerosStayZeros() throws IOException {
    SampleZeros zeros = zeros("40%");
    try (CheckpointDirectory source = CheckpointDirectory.open(moe("F32").write(folder))) {
      Checkpoint once = view(MoeModel.of(source), zeros.separate(0));
      Checkpoint twice = view(MoeModel.of(once), zeros.separate(0));

      for (String name : once.tensors().keySet()) {
        assertThat(bytes(twice, name)).as(name).isEqualTo(bytes(once, name));
      }
    }
  }

  @Test
  void aPlanThatWasReadBackDoesTheSame() throws IOException {
    SampleZeros zeros = zeros("40%");
    Plan plan = SamplePlans.plan(List.of(zeros.separate(0), zeros.separate(1)));
    plan.write(folder.resolve("plan.json"));
    assertThat(folder.resolve("plan.arrays.safetensors")).exists();

    Plan read = Plan.read(folder.resolve("plan.json"));

    assertThat(read).isEqualTo(plan);
    Path expected = moe("F32").plant(naive(zeros)).write(folder.resolve("expected"));
    try (CheckpointDirectory source =
        CheckpointDirectory.open(moe("F32").write(folder.resolve("source")))) {
      LoweredPlan lowered = Lowering.lower(MoeModel.of(source), read.steps());
      assertSame(new PlannedCheckpoint(source, lowered), expected);
    }
  }

  @Test
  void aWeightThatIsNoNumberIsNamed() throws IOException {
    TinyMoe moe =
        moe("F32")
            .plant((tiny, tensors) ->
                Objects.requireNonNull(tensors.get(tiny.family().up(0, 3))).values()[4] =
                    Float.NaN);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      Checkpoint view = view(MoeModel.of(source), zeros("40%").separate(0));

      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> bytes(view, moe.family().up(0, 3)))
          .withMessageContaining(moe.family().up(0, 3) + ": element 4 is NaN");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "7, 20, 12, 40%, 0 | norms has shape [7, 20] (expected [5, 20] for EXPERT_GATE)",
        "5, 21, 12, 40%, 0 | norms has shape [5, 21] (expected [5, 20] for EXPERT_GATE)",
        "5, 20, 12, 1:8, 0 | the rows of EXPERT_GATE have 20 weights (expected a multiple of 8)",
        "5, 20, 12, 40%, 2 | layer 2 (expected 0 to 1)",
      })
  void aStepForAnotherModelIsRefused(String sizes, String problem) throws IOException {
    String[] size = sizes.split(", ", -1);
    SampleZeros zeros =
        new SampleZeros(
            1,
            Integer.parseInt(size[0]),
            Integer.parseInt(size[1]),
            Integer.parseInt(size[2]),
            ZeroPattern.parse(size[3]),
            List.of());
    assertRefused(problem, zeros.separate(Integer.parseInt(size[4])));
  }

  @Test
  void stepsThatContradictEachOtherAreRefused() throws IOException {
    SampleZeros zeros = zeros("40%");

    assertRefused("two steps sparsify its weights", zeros.separate(0), zeros.separate(0));
    assertRefused("has no EXPERTS_GATE_UP", zeros.stacked(0));
    Files.createDirectories(folder);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe("F32").write(folder))) {
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() ->
              Lowering.lower(
                  MoeModel.of(source), List.of(keep(0, EXPERTS, 0, 1), zeros.separate(1))))
          .withMessageContaining("Make two plans");
    }
  }

  private void assertRefused(String problem, SparsifyWeights... steps) throws IOException {
    try (CheckpointDirectory source = CheckpointDirectory.open(moe("F32").write(folder))) {
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> view(MoeModel.of(source), steps))
          .withMessageContaining(problem);
    }
  }

  private static Checkpoint view(MoeModel model, SparsifyWeights... steps) {
    return new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, List.of(steps)));
  }

  private static void assertSame(Checkpoint found, Path expected) throws IOException {
    try (CheckpointDirectory other = CheckpointDirectory.open(expected)) {
      assertThat(found.tensors()).isEqualTo(other.tensors());
      for (String name : other.tensors().keySet()) {
        assertThat(bytes(found, name)).as(name).isEqualTo(bytes(other, name));
      }
    }
  }

  private static byte[] bytes(Checkpoint checkpoint, String tensor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return bytes(checkpoint.read(tensor, arena).bytes());
    }
  }

  private static byte[] bytes(MemorySegment segment) {
    return segment.toArray(ValueLayout.JAVA_BYTE);
  }
}
