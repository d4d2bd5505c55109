package io.moepress.recipes.lowering;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MultiTokenPredictionTest {
  private static final String EXPERT = "model.layers.4.mlp.experts.0.up_proj.weight";
  private static final String PROJECTION = "model.layers.4.eh_proj.weight";

  @Test
  void isCarriedOverWhenAllExpertsStay() throws IOException {
    LoweredPlan lowered = Lowering.lower(model(), List.of());

    assertThat(lowered.tensors())
        .contains(
            new OutputTensor(info(EXPERT), new Copy(EXPERT)),
            new OutputTensor(info(PROJECTION), new Copy(PROJECTION)));
    assertThat(lowered.dropped()).isEmpty();
    assertThat(lowered.config().text()).contains("\"num_nextn_predict_layers\": 1");
  }

  @Test
  void isDroppedWithExperts() throws IOException {
    List<Integer> kept = List.of(0, 1, 4, 5, 8, 9, 12, 13);
    List<KeepExperts> steps = Stream.of(1, 2, 3).map(layer -> step(layer, kept)).toList();

    LoweredPlan lowered = Lowering.lower(model(), steps);

    assertThat(lowered.tensors())
        .noneMatch(tensor -> tensor.info().name().startsWith("model.layers.4."));
    assertThat(lowered.dropped())
        .containsEntry(
            PROJECTION, "multi-token prediction: made for 16 experts, the model has 8 now")
        .containsKey(EXPERT);
    assertThat(lowered.config().text()).contains("\"num_nextn_predict_layers\": 0");
  }

  private static KeepExperts step(int layer, List<Integer> kept) {
    return new KeepExperts(layer, "test", "slice", kept, List.of(), Collections.nCopies(16, 0.0));
  }

  private static TensorInfo info(String name) {
    return new TensorInfo(name, DType.BF16, Shape.of(128, 128));
  }

  /// The trained model, with two tensors of a layer behind its last.
  private static MoeModel model() throws IOException {
    try (CheckpointDirectory base =
        CheckpointDirectory.open(TestData.path("models/tiny-deepseekv3"))) {
      SortedMap<String, TensorInfo> tensors = new TreeMap<>(base.tensors());
      tensors.put(EXPERT, info(EXPERT));
      tensors.put(PROJECTION, info(PROJECTION));
      return MoeModel.of(new Headers(base.config(), tensors));
    }
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
}
