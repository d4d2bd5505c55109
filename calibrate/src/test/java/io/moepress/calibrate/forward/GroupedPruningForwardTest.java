package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Where scores are independent and a selection bias decides, dropping experts must equal never
/// choosing them.
class GroupedPruningForwardTest {
  private static final int EXPERTS = 16;
  private static final List<Integer> KEPT = List.of(0, 3, 4, 5, 9, 10, 12, 15);

  /// The same products in a smaller matrix may be rounded otherwise; states are of scale 1.
  private static final float TOLERANCE = 1e-4f;

  @Test
  void equalsABiasThatRulesExpertsOut() throws IOException {
    try (CheckpointDirectory source =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      MoeModel model = MoeModel.of(source);
      List<KeepExperts> steps =
          Stream.of(1, 2, 3).map(layer -> step(layer, Collections.nCopies(EXPERTS, 0.0))).toList();
      Checkpoint pruned = new PlannedCheckpoint(source, Lowering.lower(model, steps));

      float[] dropped = hidden(pruned);

      assertThat(dropped).containsExactly(hidden(new Masked(source)), offset(TOLERANCE));
      assertThat(dropped).isNotEqualTo(hidden(source));
    }
  }

  private static KeepExperts step(int layer, List<Double> scores) {
    return new KeepExperts(layer, "test", "slice", KEPT, List.of(), scores);
  }

  private static float[] hidden(Checkpoint checkpoint) throws IOException {
    int[] ids = IntStream.range(0, 40).map(i -> 100 + 37 * i).toArray();
    Corpus corpus =
        new Corpus(
            List.of(new Domain("test", "test", "sha256:0")), List.of(new TokenSequence(0, ids)));
    try (Workers workers = new Workers(1)) {
      ForwardPass pass =
          new ForwardPass(
              MoeModel.of(checkpoint), PassResources.inMemory(workers, Progress.SILENT));
      try (HiddenStates hidden = pass.run("test", corpus, MoePass.Observer.NONE)) {
        return hidden.rows(0, ids.length).toArray(JAVA_FLOAT);
      }
    }
  }

  /// A checkpoint whose selection biases rule out all experts that are not kept.
  private record Masked(Checkpoint source) implements Checkpoint {
    /// The upper half of the float -10000.
    private static final short MINUS_TEN_THOUSAND = (short) (Float.floatToIntBits(-1e4f) >> 16);

    @Override
    public String name() {
      return "masked";
    }

    @Override
    public ModelConfig config() {
      return source.config();
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      return source.tensors();
    }

    @Override
    public TensorData read(String tensor, Arena arena) throws IOException {
      TensorData data = source.read(tensor, arena);
      if (!tensor.endsWith("e_score_correction_bias")) {
        return data;
      }
      MemorySegment bias = arena.allocate(data.bytes().byteSize()).copyFrom(data.bytes());
      IntStream.range(0, EXPERTS)
          .filter(expert -> !KEPT.contains(expert))
          .forEach(expert -> bias.setAtIndex(ValueLayout.JAVA_SHORT, expert, MINUS_TEN_THOUSAND));
      return new TensorData(data.info(), bias);
    }

    @Override
    public void close() {}
  }
}
