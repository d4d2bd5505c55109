package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MergeRule;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A plan of a checkpoint, applied to a GGUF file of it.
class GgufMergeTest {
  private static final List<PlanStep> MERGED =
      List.of(
          new MergeExperts(
              0,
              "handpicked",
              "mean",
              List.of(
                  new Group(List.of(0), List.of(1.0), List.of(1.0)),
                  new Group(List.of(1, 2), List.of(0.25, 0.75), List.of(0.5, 0.5)),
                  new Group(List.of(3), List.of(1.0), List.of(1.0)))),
          new MergeExperts(
              1,
              "handpicked",
              "dominant",
              List.of(
                  Group.mean(List.of(0, 3)),
                  Group.represented(List.of(1), 1),
                  Group.mean(List.of(2)))));

  @TempDir private Path folder = Path.of("");

  private static Path write(Checkpoint checkpoint, GgufType type, Path file) throws IOException {
    GgufTokenizer.Section tokenizer = new GgufTokenizer.Section(Map.of(), List.of());
    GgufPlan plan =
        GgufPlan.of(MoeModel.of(checkpoint), TypeRule.all(type), tokenizer, "tiny", null);
    try (Workers workers = new Workers(1)) {
      new GgufExport(plan, null, workers, Progress.SILENT).write(file, false, null);
    }
    return file;
  }

  private CheckpointDirectory checkpoint() throws IOException {
    return checkpoint("F32");
  }

  private CheckpointDirectory checkpoint(String dtype) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().hidden(64).expertWidth(32).dtype(dtype);
    return CheckpointDirectory.open(moe.write(folder.resolve("source")));
  }

  /// A plan of a model of this size.
  private static Plan plan(MoeModel model, List<? extends PlanStep> steps) {
    Plan some = SamplePlans.plan(steps);
    Plan.Size size = Plan.Size.of(model.layout(), model.parameterCount(), 0);
    return new Plan(
        some.formatVersion(),
        some.tool(),
        some.modelType(),
        null,
        some.checkpoint(),
        some.evidence(),
        some.target(),
        size,
        some.after(),
        some.notes(),
        some.steps());
  }

  /// Nothing is lost where nothing is rounded: merging the file is merging the checkpoint. One that
  /// is stored in BF16 has its sums rounded to that, the file has not.
  @ParameterizedTest
  @CsvSource({"F32, 0", "BF16, 0.004"})
  void theFileIsThatOfTheMergedCheckpoint(String dtype, float off) throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint(dtype);
        PlannedCheckpoint merged =
            new PlannedCheckpoint(checkpoint, Lowering.lower(MoeModel.of(checkpoint), MERGED));
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F32, folder.resolve("whole.gguf")))) {
      Path expected = write(merged, GgufType.F32, folder.resolve("expected.gguf"));
      Path found = folder.resolve("found.gguf");

      GgufSlice slice =
          GgufSlice.of(whole, GgufGroups.of(plan(MoeModel.of(checkpoint), MERGED), whole));
      slice.write(found, false, Progress.SILENT);

      assertThat(Files.mismatch(found, expected) == -1).isEqualTo(off == 0);
      assertSame(found, expected, off);
      assertThat(slice.encodedAnew()).isEqualTo(2 * 3); // a group in each of two layers
    }
  }

  /// The same head, and numbers that differ by no more than a part of themselves.
  private static void assertSame(Path found, Path expected, float part) throws IOException {
    try (GgufFile file = GgufFile.open(found);
        GgufFile other = GgufFile.open(expected);
        Arena arena = Arena.ofConfined()) {
      assertThat(file.header()).isEqualTo(other.header());
      for (GgufTensorInfo tensor : file.tensors()) {
        long rows = tensor.shape().dimension(0);
        float[] ours = floats(file.readSlices(tensor.name(), 0, rows, arena));
        float[] theirs = floats(other.readSlices(tensor.name(), 0, rows, arena));
        for (int i = 0; i < ours.length; i++) {
          assertThat(ours[i])
              .as(tensor.name())
              .isCloseTo(theirs[i], within(part * Math.abs(theirs[i])));
        }
      }
    }
  }

  private static float[] floats(MemorySegment bytes) {
    return bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  /// Experts that stay keep their bytes; a merged one is the encoded mean of the decoded.
  @Test
  void onlyWhatIsMergedIsEncodedAnew() throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.Q8_0, folder.resolve("whole.gguf")));
        Arena arena = Arena.ofConfined()) {
      Path found = folder.resolve("found.gguf");
      GgufSlice.of(whole, GgufGroups.of(plan(MoeModel.of(checkpoint), MERGED), whole))
          .write(found, false, Progress.SILENT);

      try (GgufFile file = GgufFile.open(found)) {
        for (String name : List.of("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps")) {
          String tensor = "blk.0." + name + ".weight";
          assertThat(slice(file, tensor, 0, arena).mismatch(slice(whole, tensor, 0, arena)))
              .isEqualTo(-1);
          assertThat(slice(file, tensor, 2, arena).mismatch(slice(whole, tensor, 3, arena)))
              .isEqualTo(-1);
          float[] one = BlockEncoding.Q8_0.decode(slice(whole, tensor, 1, arena));
          float[] two = BlockEncoding.Q8_0.decode(slice(whole, tensor, 2, arena));
          for (int i = 0; i < one.length; i++) {
            one[i] = (float) (0.25 * one[i] + 0.75 * two[i]);
          }
          int width = Math.toIntExact(file.tensor(tensor).orElseThrow().width());
          MemorySegment expected = BlockEncoding.Q8_0.encode(WeightRows.of(tensor, 0, width, one));
          assertThat(slice(file, tensor, 1, arena).mismatch(expected)).isEqualTo(-1);
        }
        assertThat(file.whole("qwen3moe.expert_count")).contains(3L);
      }
    }
  }

  private static MemorySegment slice(GgufFile file, String tensor, int expert, Arena arena)
      throws IOException {
    return file.readSlices(tensor, expert, 1, arena);
  }

  @Test
  void aTokenMayUseFewerExperts() throws IOException {
    List<PlanStep> steps = new ArrayList<>(List.of(new LowerTopK(2, 1)));
    steps.addAll(List.of(SamplePlans.keep(0, 4, 1), SamplePlans.keep(1, 4, 2)));
    try (CheckpointDirectory checkpoint = checkpoint();
        PlannedCheckpoint pruned =
            new PlannedCheckpoint(checkpoint, Lowering.lower(MoeModel.of(checkpoint), steps));
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.Q8_0, folder.resolve("whole.gguf")))) {
      Path expected = write(pruned, GgufType.Q8_0, folder.resolve("expected.gguf"));
      Path found = folder.resolve("found.gguf");

      GgufSlice.of(whole, GgufGroups.of(plan(MoeModel.of(checkpoint), steps), whole))
          .write(found, false, Progress.SILENT);

      assertThat(Files.mismatch(found, expected)).isEqualTo(-1);
    }
  }

  /// Groups of the router of DeepSeek-V3 must stay what they are.
  @Test
  void expertsOfDifferentGroupsAreNotMerged() throws IOException {
    try (CheckpointDirectory checkpoint =
            CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"));
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      SortedMap<Integer, List<Group>> layers = new TreeMap<>();
      for (int layer : MoeModel.of(checkpoint).layout().moeLayers()) {
        List<Group> pairs = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          pairs.add(Group.mean(List.of(i, i + 8)));
        }
        layers.put(layer, pairs);
      }

      assertRefused(
          () -> GgufSlice.of(whole, new GgufGroups(layers, OptionalInt.empty())), "merges [0, 8]");
    }
  }

  /// What a GGUF file is not enough for, and plans of other models.
  static Stream<Arguments> refused() {
    List<Group> pair = List.of(Group.mean(List.of(0, 1)), Group.mean(List.of(2, 3)));
    MergeRule moves =
        new MergeRule(PlanArray.ints("neurons", Shape.of(4, 32), () -> new int[4 * 32]), null);
    return Stream.of(
        Arguments.of(List.of(new IgnoreGroups(4, 2)), "the router is to ignore groups of experts"),
        Arguments.of(
            List.of(new MergeExperts(0, "m", "map", pair)), "router: map: the plan cannot"),
        Arguments.of(
            List.of(new MergeExperts(0, "m", "mean", pair, moves, List.of())),
            "neurons are to change places"),
        Arguments.of(
            List.of(
                new KeepExperts(
                    0, "m", "mask", List.of(0, 1), List.of(), List.of(0.0, 0.0, 0.0, 0.0))),
            "router: mask: the plan cannot"),
        Arguments.of(
            List.of(SamplePlans.keep(0, 6, 0, 1)),
            "layer 0 has 4 experts (expected 6, for which the plan by moepress test was made)"),
        Arguments.of(
            List.of(SamplePlans.keep(0, 4, 0, 1), SamplePlans.keep(0, 4, 2, 3)),
            "the plan: layer 0: two steps are about its experts (expected one)"),
        Arguments.of(
            List.of(new LowerTopK(2, 1), new LowerTopK(2, 1)),
            "the plan: two steps lower how many experts a token uses (expected one)"),
        Arguments.of(
            List.of(new LowerTopK(4, 1)),
            "a token uses 2 experts (expected 4, for which the plan was made)"),
        Arguments.of(
            List.of(new LowerTopK(2, 1)),
            "decides about the experts of layers [] (expected all that have some, [0, 1])"),
        Arguments.of(
            List.of(SamplePlans.keep(1, 4, 0, 1)),
            "decides about the experts of layers [1] (expected all that have some, [0, 1])"));
  }

  @ParameterizedTest
  @MethodSource("refused")
  void whatTakesACheckpointIsRefused(List<PlanStep> steps, String problem) throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")))) {
      Plan plan = plan(MoeModel.of(checkpoint), steps);

      assertRefused(() -> GgufGroups.of(plan, whole), problem);
    }
  }

  @Test
  void plansOfOtherModels() throws IOException {
    try (CheckpointDirectory checkpoint = checkpoint();
        CheckpointDirectory other = CheckpointDirectory.open(TestData.path("models/tiny-mixtral"));
        GgufFile whole =
            GgufFile.open(write(checkpoint, GgufType.F16, folder.resolve("whole.gguf")));
        GgufFile mixtral =
            GgufFile.open(write(other, GgufType.F16, folder.resolve("mixtral.gguf")))) {
      MoeModel model = MoeModel.of(checkpoint);
      Plan larger = SamplePlans.plan(MERGED);

      assertRefused(
          () -> GgufGroups.of(plan(model, MERGED), mixtral),
          "a model of the kind llama (expected qwen3moe, for the plan is of a qwen3_moe)");
      assertRefused(() -> GgufGroups.of(larger, whole), "weights (expected about 1000");
      Plan second = plan(model, MERGED);
      Plan row =
          new Plan(
              1,
              "t",
              "qwen3_moe",
              second,
              "",
              null,
              "llama.cpp",
              second.before(),
              second.after(),
              List.of(),
              List.of());
      assertRefused(() -> GgufGroups.of(row, whole), "2 plans in a row (expected one)");
    }
  }

  private static void assertRefused(ThrowingCallable action, String problem) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(action)
        .withMessageContaining(problem);
  }
}
