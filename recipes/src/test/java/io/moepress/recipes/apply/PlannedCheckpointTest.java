package io.moepress.recipes.apply;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.testdata.SafetensorsBytes;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlannedCheckpointTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void whatIsReadIsWhatWouldBeWritten(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int experts = random.nextInt(2, 10);
    int layers = random.nextInt(1, 4);
    TinyMoe moe = random.nextBoolean() ? TinyMoe.qwen3() : TinyMoe.mixtral();
    moe.experts(experts).layers(layers).seed(seed).shards(random.nextInt(1, 4));
    moe.dtype(random.nextBoolean() ? "BF16" : "F32").write(folder.resolve("source"));
    int kept = random.nextInt(2, experts + 1);
    List<KeepExperts> steps = Tiny.keepSome(random, layers, experts, kept);
    Tiny.apply(folder.resolve("source"), steps, folder.resolve("written"));

    try (CheckpointDirectory source = CheckpointDirectory.open(folder.resolve("source"));
        CheckpointDirectory written = CheckpointDirectory.open(folder.resolve("written"));
        PlannedCheckpoint planned = new PlannedCheckpoint(source, Tiny.lower(source, steps))) {
      assertThat(planned.tensors()).isEqualTo(written.tensors());
      assertThat(planned.config().text()).isEqualTo(written.config().text());
      assertThat(planned.byteCount()).isEqualTo(written.byteCount());
      SortedMap<String, byte[]> expected = Tiny.tensors(folder.resolve("written"));
      for (String name : planned.tensors().keySet()) {
        assertThat(read(planned, name)).as(name).isEqualTo(expected.get(name));
      }
    }
  }

  @Test
  void aPlannedCheckpointIsAModelThatCanBePlannedAgain() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().experts(6).layers(1);
    moe.write(folder);
    try (CheckpointDirectory source = CheckpointDirectory.open(folder)) {
      PlannedCheckpoint once =
          new PlannedCheckpoint(source, Tiny.lower(source, List.of(keep(0, 6, 1, 2, 4, 5))));
      LoweredPlan second = Lowering.lower(MoeModel.of(once), List.of(keep(0, 4, 0, 3)));
      PlannedCheckpoint twice = new PlannedCheckpoint(once, second);

      assertThat(read(twice, moe.family().up(0, 0)))
          .isEqualTo(moe.tensors().get(moe.family().up(0, 1)).bytes());
      assertThat(read(twice, moe.family().up(0, 1)))
          .isEqualTo(moe.tensors().get(moe.family().up(0, 5)).bytes());
      assertThat(MoeModel.of(twice).layout().experts()).isEqualTo(2);
    }
  }

  @Test
  void closingTheViewLeavesTheSourceOpen() throws IOException {
    TinyMoe.qwen3().write(folder);
    try (CheckpointDirectory source = CheckpointDirectory.open(folder)) {
      LoweredPlan plan = Tiny.lower(source, List.of());
      new PlannedCheckpoint(source, plan).close();

      assertThat(read(source, "model.norm.weight")).hasSize(64);
    }
  }

  @Test
  void aDroppedTensorIsNotThere() throws IOException {
    TinyMoe.qwen3().layers(1).write(folder);
    try (CheckpointDirectory source = CheckpointDirectory.open(folder)) {
      PlannedCheckpoint planned =
          new PlannedCheckpoint(source, Tiny.lower(source, List.of(keep(0, 4, 0, 1))));

      assertThat(planned.name()).isEqualTo(folder + " (planned)");
      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> read(planned, "model.layers.0.mlp.experts.3.up_proj.weight"))
          .withMessage(
              "%s (planned): no tensor model.layers.0.mlp.experts.3.up_proj.weight", folder);
    }
  }

  // Bytes are moved whatever their type.

  @ParameterizedTest
  @CsvSource({"I64, 8", "F8_E4M3, 1", "U8, 1", "F32, 4", "BF16, 2", "C64, 8", "BOOL, 1"})
  void tensorsOfAnyTypeAreCopiedAndCut(DType dtype, int bytesPerElement) throws IOException {
    byte[] bytes = new byte[4 * 3 * bytesPerElement];
    new SplittableRandom(5).nextBytes(bytes);
    int row = 3 * bytesPerElement;
    byte[] lastAndSecond = Arrays.copyOf(Arrays.copyOfRange(bytes, 3 * row, 4 * row), 2 * row);
    System.arraycopy(bytes, row, lastAndSecond, row, row);
    Shape shape = Shape.of(4, 3);

    try (CheckpointDirectory source = holding(dtype, shape, bytes)) {
      PlannedCheckpoint planned =
          view(
              source,
              new OutputTensor(new TensorInfo("copied", dtype, shape), new Copy("t")),
              new OutputTensor(
                  new TensorInfo("cut", dtype, Shape.of(2, 3)), new Rows("t", List.of(3, 1))));

      assertThat(read(planned, "copied")).isEqualTo(bytes);
      assertThat(read(planned, "cut")).isEqualTo(lastAndSecond);
    }
  }

  @Test
  void packedElementsAreCutWhereARowIsWholeBytes() throws IOException {
    try (CheckpointDirectory source =
        holding(DType.F4, Shape.of(3, 4), new byte[] {1, 2, 3, 4, 5, 6})) {
      Rows last = new Rows("t", List.of(2));
      PlannedCheckpoint planned =
          view(source, new OutputTensor(new TensorInfo("cut", DType.F4, Shape.of(1, 4)), last));

      assertThat(read(planned, "cut")).containsExactly(5, 6);
    }
  }

  @Test
  void packedElementsAreNotCutInTheMiddleOfAByte() throws IOException {
    try (CheckpointDirectory source =
        holding(DType.F4, Shape.of(4, 3), new byte[] {1, 2, 3, 4, 5, 6})) {
      Rows two = new Rows("t", List.of(0, 3));
      PlannedCheckpoint planned =
          view(source, new OutputTensor(new TensorInfo("cut", DType.F4, Shape.of(2, 3)), two));

      assertThatIllegalArgumentException()
          .isThrownBy(() -> read(planned, "cut"))
          .withMessage("tensor t: 3 elements of F4 do not fill whole bytes");
    }
  }

  @Test
  void scalarsAndEmptyTensorsAreCopied() throws IOException {
    TensorInfo scalar = new TensorInfo("t", DType.I64, Shape.of());
    try (CheckpointDirectory source =
        holding(DType.I64, Shape.of(), new byte[] {1, 2, 3, 4, 5, 6, 7, 8})) {
      assertThat(read(view(source, new OutputTensor(scalar, new Copy("t"))), "t"))
          .containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
    }
    TensorInfo empty = new TensorInfo("t", DType.U8, Shape.of(0, 3));
    try (CheckpointDirectory source = holding(DType.U8, Shape.of(0, 3), new byte[0])) {
      assertThat(read(view(source, new OutputTensor(empty, new Copy("t"))), "t")).isEmpty();
    }
  }

  @Test
  void aProgramNeedsAtLeastOneRow() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Rows("t", List.of()))
        .withMessage("tensors [t]: no rows");
  }

  /// A checkpoint with a single tensor `t`.
  private CheckpointDirectory holding(DType dtype, Shape shape, byte[] bytes) throws IOException {
    Files.writeString(folder.resolve("config.json"), "{}");
    long[] extents = shape.dimensions().stream().mapToLong(Long::longValue).toArray();
    new SafetensorsBytes()
        .tensor("t", dtype.name(), extents, bytes)
        .write(folder.resolve("model.safetensors"));
    return CheckpointDirectory.open(folder);
  }

  private static PlannedCheckpoint view(CheckpointDirectory source, OutputTensor... tensors) {
    return new PlannedCheckpoint(
        source, new LoweredPlan(source.config(), List.of(tensors), new TreeMap<>()));
  }

  private static byte[] read(Checkpoint checkpoint, String tensor) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      return checkpoint.read(tensor, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }
}
