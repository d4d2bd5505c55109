package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import io.moepress.testdata.TinyTensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Two layers of four experts, of which two stay; the experts of a layer are stacked.
class StackedLoweringTest {
  private static final List<KeepExperts> STEPS =
      List.of(SamplePlans.keep(0, 4, 1, 3), SamplePlans.keep(1, 4, 0, 3));

  @TempDir private Path folder;

  @ParameterizedTest
  @EnumSource(Stacked.class)
  void pruningAStackEqualsStackingThePruned(Stacked stacked) throws IOException {
    SortedMap<String, TinyTensor> separate = new TreeMap<>();
    TinyMoe moe = TinyMoe.mixtral().dtype("BF16");
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(path("separate")))) {
      Checkpoint pruned = view(MoeModel.of(source));
      for (TensorInfo info : pruned.tensors().values()) {
        separate.put(info.name(), tensor(pruned, info));
      }
    }
    stacked.apply(moe.experts(2), separate);

    TinyMoe whole = TinyMoe.mixtral().dtype("BF16").plant(stacked);
    try (CheckpointDirectory source = CheckpointDirectory.open(whole.write(path("stacked")))) {
      MoeModel model = MoeModel.of(source, architecture("mixtral", stacked));
      Checkpoint pruned = view(model);

      assertThat(pruned.tensors().keySet()).isEqualTo(separate.keySet());
      for (TensorInfo info : pruned.tensors().values()) {
        TinyTensor expected = Objects.requireNonNull(separate.get(info.name()));
        assertThat(info.shape().dimensions()).containsExactly(boxed(expected.shape()));
        assertThat(bytes(pruned, info.name())).as(info.name()).isEqualTo(expected.bytes());
      }
      MoeModel again = MoeModel.of(pruned, architecture("mixtral", stacked));
      assertThat(again.layout().experts()).isEqualTo(2);
    }
  }

  @Test
  void keptExpertsAreRowsOfTheStack() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder))) {
      LoweredPlan lowered = Lowering.lower(MoeModel.of(source), STEPS);

      assertThat(lowered.dropped()).isEmpty();
      assertThat(lowered.tensors())
          .filteredOn(tensor -> tensor.info().name().equals(Stacked.gateUp(1)))
          .extracting(OutputTensor::program)
          .containsExactly(new Rows(Stacked.gateUp(1), List.of(0, 3)));
    }
  }

  @Test
  void oneExpertOfAViewIsReadByItself() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().plant(Stacked.OUTPUT_FIRST);
    try (CheckpointDirectory source = CheckpointDirectory.open(moe.write(folder));
        Arena arena = Arena.ofConfined()) {
      Checkpoint once = view(MoeModel.of(source));
      byte[] whole = bytes(source, Stacked.down(0));
      int slice = whole.length / 4;

      byte[] second =
          once.readRows(Stacked.down(0), 1, 1, arena).bytes().toArray(ValueLayout.JAVA_BYTE);

      assertThat(second).isEqualTo(Arrays.copyOfRange(whole, 3 * slice, 4 * slice));
      assertThat(once.readRows("model.norm.weight", 2, 3, arena).info().shape().dimension(0))
          .isEqualTo(3);
    }
  }

  private static Checkpoint view(MoeModel model) {
    return new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, STEPS));
  }

  private Path path(String name) {
    return folder.resolve(name);
  }

  private static Architecture architecture(String family, Stacked stacked) throws IOException {
    String file = family + ".json";
    try (InputStream stream =
        Objects.requireNonNull(Architecture.class.getResourceAsStream(file))) {
      String text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return Json.bind(Json.object(stacked.architecture(text), file), Architecture.class, file);
    }
  }

  private static TinyTensor tensor(Checkpoint checkpoint, TensorInfo info) throws IOException {
    long[] shape = info.shape().dimensions().stream().mapToLong(Long::longValue).toArray();
    try (Arena arena = Arena.ofConfined()) {
      float[] values = Numbers.floats(checkpoint.read(info.name(), arena));
      return new TinyTensor(info.dtype().name(), shape, values);
    }
  }

  private static byte[] bytes(Checkpoint checkpoint, String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return checkpoint.read(name, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static Long[] boxed(long[] shape) {
    return Arrays.stream(shape).boxed().toArray(Long[]::new);
  }
}
