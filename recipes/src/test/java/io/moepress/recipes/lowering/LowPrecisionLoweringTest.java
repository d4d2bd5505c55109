package io.moepress.recipes.lowering;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Pruning a checkpoint in low precision moves its bytes.
class LowPrecisionLoweringTest {
  private static final String FP8 = "deepseek_v3_fp8_block16";
  private static final String MXFP4 = "gpt_oss_mxfp4";
  private static final int[] KEPT = {0, 3, 4, 7};
  private static final int[] STACK = {1, 2, 5};

  @Test
  void expertsInFp8KeepCodesAndScales() throws IOException {
    try (CheckpointDirectory source = open(FP8)) {
      LoweredPlan plan = Lowering.lower(MoeModel.of(source), fp8Steps());
      Checkpoint pruned = new PlannedCheckpoint(source, plan);

      assertThat(plan.dropped()).hasSize(3 * 4 * 3 * 2);
      assertThat(plan.dropped())
          .containsEntry(
              "model.layers.2.mlp.experts.5.up_proj.weight_scale_inv",
              "expert 5 of layer 2 dropped");
      for (String name : pruned.tensors().keySet()) {
        assertThat(bytes(pruned, name)).as(name).isEqualTo(expectedFp8(source, name));
      }
      assertThat(plan.config().value("quantization_config"))
          .isEqualTo(source.config().value("quantization_config"));
      assertThat(MoeModel.of(pruned).layout().experts()).isEqualTo(4);
    }
  }

  /// The bytes a tensor of the pruned checkpoint must have: those of the expert that came to its
  /// place, or the rows of the experts that stayed.
  private static byte[] expectedFp8(Checkpoint source, String name) throws IOException {
    String[] parts = name.split("\\.experts\\.", 2);
    if (parts.length == 2) {
      int dot = parts[1].indexOf('.');
      int old = KEPT[Integer.parseInt(parts[1].substring(0, dot))];
      return bytes(source, parts[0] + ".experts." + old + parts[1].substring(dot));
    }
    return name.contains(".mlp.gate.") ? rows(source, name, KEPT) : bytes(source, name);
  }

  @Test
  void stacksInMxfp4AreCutWithTheirScalesAndBiases() throws IOException {
    try (CheckpointDirectory source = open(MXFP4)) {
      LoweredPlan plan = Lowering.lower(MoeModel.of(source), mxfp4Steps());
      Checkpoint pruned = new PlannedCheckpoint(source, plan);

      assertThat(plan.dropped()).isEmpty();
      for (TensorInfo info : pruned.tensors().values()) {
        boolean cut = info.name().contains(".mlp.");
        assertThat(bytes(pruned, info.name()))
            .as(info.name())
            .isEqualTo(cut ? rows(source, info.name(), STACK) : bytes(source, info.name()));
        assertThat(info.shape().dimension(0) == STACK.length).isEqualTo(cut);
      }
      assertThat(plan.config().value("quantization_config"))
          .isEqualTo(source.config().value("quantization_config"));
      assertThat(plan.config().text()).contains("\"num_local_experts\": 3");
    }
  }

  /// What is read of the pruned checkpoint is what was read of the expert before.
  @Test
  void thePlannedViewIsReadAsNumbers() throws IOException {
    try (CheckpointDirectory fp8 = open(FP8);
        CheckpointDirectory mxfp4 = open(MXFP4);
        Arena arena = Arena.ofConfined()) {
      MoeModel before = MoeModel.of(fp8);
      MoeModel after = after(before, fp8Steps());
      TensorId stack = TensorId.ofLayer(TensorRole.EXPERTS_DOWN, 3);
      MoeModel whole = MoeModel.of(mxfp4);
      MoeModel cut = after(whole, mxfp4Steps());

      assertThat(Numbers.floats(after.read(new TensorId(TensorRole.EXPERT_UP, 2, 3), arena)))
          .isEqualTo(Numbers.floats(before.read(new TensorId(TensorRole.EXPERT_UP, 2, 7), arena)));
      assertThat(Numbers.floats(cut.readSlice(stack, 2, arena)))
          .isEqualTo(Numbers.floats(whole.readSlice(stack, 5, arena)));
      assertThat(cut.parameterCount())
          .isEqualTo(Lowering.lower(whole, mxfp4Steps()).parameterCount());
    }
  }

  @Test
  void twoStepsAreAsOne() throws IOException {
    try (CheckpointDirectory source = open(MXFP4)) {
      MoeModel model = MoeModel.of(source);
      LoweredPlan first = Lowering.lower(model, mxfp4Steps());
      MoeModel between = MoeModel.of(new PlannedCheckpoint(source, first));
      LoweredPlan second = Lowering.lower(between, keepEach(4, 3, 0, 2));
      LoweredPlan direct = Lowering.lower(model, keepEach(4, 6, 1, 5));

      assertThat(first.then(second).tensors()).isEqualTo(direct.tensors());
    }
  }

  /// The configuration names the last expert, which would be another one afterwards.
  @Test
  void expertsOfSchemesOfTheirOwnKeepTheirNumbers(@TempDir Path folder) throws IOException {
    IntegerScheme four = new IntegerScheme(4, true, IntegerScheme.CHANNEL);
    IntegerScheme eight = four.withBits(8);
    Part part =
        new Part(List.of(TensorRole.EXPERT_UP), List.of(four, four, four, eight), List.of());
    QuantizeWeights step =
        new QuantizeWeights(1, "handmade", QuantizedStorage.COMPRESSED_TENSORS, List.of(part));
    try (CheckpointDirectory source =
        CheckpointDirectory.open(TinyMoe.qwen3().hidden(32).write(folder))) {
      MoeModel quantised = after(MoeModel.of(source), List.of(step));

      assertThat(Lowering.lower(quantised, keepEach(2, 4, 0, 1, 2)).dropped()).isNotEmpty();
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(quantised, keepEach(2, 4, 0, 1, 3)))
          .withMessageContaining("experts.3.up_proj becomes model.layers.1.mlp.experts.2.up_proj")
          .withMessageEndingWith("Drop experts before weights are quantised.");
    }
  }

  @Test
  void nothingIsLostWithoutAStep() throws IOException {
    for (String name : List.of(FP8, MXFP4)) {
      try (CheckpointDirectory source = open(name)) {
        LoweredPlan plan = Lowering.lower(MoeModel.of(source), List.of());
        assertThat(plan.tensors())
            .extracting(OutputTensor::info)
            .containsExactlyInAnyOrderElementsOf(source.tensors().values());
        assertThat(plan.dropped()).isEmpty();
      }
    }
  }

  @Test
  void expertsInLowPrecisionAreNotMixed() throws IOException {
    MergeExperts merge =
        new MergeExperts(0, "handmade", "mean", List.of(Group.mean(List.of(0, 1, 2, 3, 4, 5))));
    try (CheckpointDirectory source = open(MXFP4)) {
      MoeModel model = MoeModel.of(source);

      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> Lowering.lower(model, List.of(merge)))
          .withMessageContaining("plan: layer 0 merges experts, but the model is stored in low")
          .withMessageEndingWith("Take its BF16 or F16 original, or prune.");
    }
  }

  /// Where one expert stands for each group there is nothing to calculate, but bytes to move.
  @Test
  void anExpertInLowPrecisionMayStandForOthers() throws IOException {
    try (CheckpointDirectory fp8 = open(FP8);
        CheckpointDirectory mxfp4 = open(MXFP4)) {
      List<PlanStep> inFp8 = new ArrayList<>(List.of(new IgnoreGroups(4, 2)));
      for (int layer = 1; layer < 4; layer++) {
        inFp8.add(pairs(layer, KEPT));
      }
      List<PlanStep> inMxfp4 = new ArrayList<>();
      for (int layer = 0; layer < 4; layer++) {
        inMxfp4.add(pairs(layer, STACK));
      }

      assertSame(MoeModel.of(fp8), inFp8, fp8Steps());
      assertSame(MoeModel.of(mxfp4), inMxfp4, mxfp4Steps());
    }
  }

  private static void assertSame(MoeModel model, List<PlanStep> merged, List<PlanStep> pruned) {
    LoweredPlan plan = Lowering.lower(model, merged);
    LoweredPlan expected = Lowering.lower(model, pruned);
    assertThat(plan.tensors()).containsExactlyInAnyOrderElementsOf(expected.tensors());
    assertThat(plan.dropped().keySet()).isEqualTo(expected.dropped().keySet());
    assertThat(plan.config().text()).isEqualTo(expected.config().text());
  }

  /// Neighbours become one, for which one of the two stands.
  private static MergeExperts pairs(int layer, int... representatives) {
    List<Group> groups = new ArrayList<>();
    for (int i = 0; i < representatives.length; i++) {
      groups.add(Group.represented(List.of(2 * i, 2 * i + 1), representatives[i]));
    }
    return new MergeExperts(layer, "handmade", "dominant", groups);
  }

  @Test
  void layersForMultiTokenPredictionAreCutWithTheirScales() throws IOException {
    try (CheckpointDirectory source = open(FP8)) {
      MoeModel model = MoeModel.of(withPrediction(source));
      List<PlanStep> steps = new ArrayList<>(fp8Steps());
      steps.add(new PruneMultiTokenPrediction(3));

      LoweredPlan plan = Lowering.lower(model, steps);

      Map<String, TensorProgram> programs =
          plan.tensors().stream()
              .collect(Collectors.toMap(tensor -> tensor.info().name(), OutputTensor::program));
      for (String name : model.checkpoint().tensors().keySet()) {
        String main = name.replace(".4.", ".3.");
        if (name.startsWith("model.layers.4.") && programs.containsKey(name)) {
          assertThat(requireNonNull(programs.get(name)).sources())
              .as(name)
              .isEqualTo(
                  requireNonNull(programs.get(main)).sources().stream()
                      .map(part -> part.replace("layers.3.", "layers.4."))
                      .toList());
        }
      }
      assertThat(programs)
          .containsKey("model.layers.4.mlp.experts.3.up_proj.weight_scale_inv")
          .doesNotContainKey("model.layers.4.mlp.experts.4.up_proj.weight_scale_inv");
      assertThat(plan.dropped()).hasSize(4 * 4 * 3 * 2);
    }
  }

  private static List<PlanStep> fp8Steps() {
    return List.of(new IgnoreGroups(4, 2), keep(1, 8, KEPT), keep(2, 8, KEPT), keep(3, 8, KEPT));
  }

  private static List<PlanStep> mxfp4Steps() {
    return keepEach(4, 6, STACK);
  }

  private static List<PlanStep> keepEach(int layers, int experts, int... kept) {
    List<PlanStep> steps = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      steps.add(keep(layer, experts, kept));
    }
    return steps;
  }

  private static MoeModel after(MoeModel model, List<PlanStep> steps) {
    return MoeModel.of(new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, steps)));
  }

  private static byte[] bytes(Checkpoint checkpoint, String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return checkpoint.read(name, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static byte[] rows(Checkpoint checkpoint, String name, int... rows) throws IOException {
    int size = Math.toIntExact(requireNonNull(checkpoint.tensors().get(name)).bytesPerRow());
    byte[] whole = bytes(checkpoint, name);
    byte[] cut = new byte[rows.length * size];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(whole, rows[i] * size, cut, i * size, size);
    }
    return cut;
  }

  /// The checkpoint with the headers of a copy of its last layer behind it.
  private static Checkpoint withPrediction(CheckpointDirectory source) {
    SortedMap<String, TensorInfo> tensors = new TreeMap<>(source.tensors());
    for (TensorInfo info : source.tensors().values()) {
      String name = info.name().replace("model.layers.3.", "model.layers.4.");
      tensors.put(name, new TensorInfo(name, info.dtype(), info.shape()));
    }
    return new Headers(source.config(), tensors);
  }

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

  private static CheckpointDirectory open(String name) throws IOException {
    return CheckpointDirectory.open(TestData.path("golden/lowprecision/" + name));
  }
}
