package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.Shape;
import io.moepress.testdata.TinyMoe;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Layers with different numbers of experts.
class ExpertCountsTest {

  @Test
  void aListHasOneNumberForEachLayerWithExperts() {
    ModelLayout layout =
        layout(listed("[4, 2, 3]").layers(4).config("mlp_only_layers", "[1]").topK(2));

    assertThat(layout.expertCounts()).containsExactly(entry(0, 4), entry(2, 2), entry(3, 3));
    assertThat(layout.experts(2)).isEqualTo(2);
    assertThat(layout.distinctExperts()).containsExactly(2, 3, 4);
  }

  @Test
  void withoutALayerTheLargestNumberCounts() {
    ModelLayout layout = layout(listed("[2, 4]"));

    assertThat(layout.experts()).isEqualTo(4);
    assertThat(layout.shape(TensorRole.ROUTER)).isEqualTo(Shape.of(4, 16));
  }

  @Test
  void shapesAndTensorsAreThoseOfTheLayer() {
    ModelLayout layout = layout(listed("[2, 4]"));

    assertThat(layout.shape(TensorId.ofLayer(TensorRole.ROUTER, 0))).isEqualTo(Shape.of(2, 16));
    assertThat(layout.shape(TensorId.ofLayer(TensorRole.ROUTER, 1))).isEqualTo(Shape.of(4, 16));
    assertThat(layout.shape(TensorId.ofLayer(TensorRole.QUERY, 0))).isEqualTo(Shape.of(16, 16));
    assertThat(layout.tensors())
        .contains(new TensorId(TensorRole.EXPERT_GATE, 0, 1))
        .doesNotContain(new TensorId(TensorRole.EXPERT_GATE, 0, 2))
        .contains(new TensorId(TensorRole.EXPERT_GATE, 1, 3))
        .doesNotContain(new TensorId(TensorRole.EXPERT_GATE, 1, 4));
  }

  @Test
  void oneNumberHoldsForAllLayers() {
    ModelLayout layout = layout(TinyMoe.qwen3().layers(3).experts(8));

    assertThat(layout.expertCounts()).isEqualTo(Map.of(0, 8, 1, 8, 2, 8));
    assertThat(layout.distinctExperts()).containsExactly(8);
  }

  @Test
  void layersForPredictionHaveAsManyAsTheLast() {
    assertThat(layout(listed("[2, 4]")).experts(2)).isEqualTo(4);
  }

  @Test
  void numbersAreWrittenAsAListOnlyWhereTheyDiffer() {
    ModelLayout layout = layout(TinyMoe.qwen3().config("num_experts", "4"));

    ModelConfig differing = ExpertCounts.written(layout, new TreeMap<>(Map.of(0, 3, 1, 2)));
    assertThat(differing.text()).contains("\"num_experts\": [3, 2]");
    assertThat(differing.text()).contains("\"num_local_experts\": [3, 2]");
    assertThat(layout.with(differing).expertCounts()).isEqualTo(Map.of(0, 3, 1, 2));
    ModelLayout same = layout.withExperts(new TreeMap<>(Map.of(0, 3, 1, 3)));
    assertThat(same.config().text()).contains("\"num_experts\": 3,");
  }

  @Test
  void aListBecomesANumberAgain() {
    ModelLayout same = layout(listed("[2, 4]")).withExperts(new TreeMap<>(Map.of(0, 2, 1, 2)));

    assertThat(same.config().text()).contains("\"num_local_experts\": 2");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[2]       | a list of 1 numbers, and more layers with experts (expected one for each)",
        "[2, 4, 4] | a list of 3 numbers, and 2 layers with experts (expected one for each)",
        "[1, 4]    | 2 experts per token, but only 1 experts",
        "[2, 0]    | num_local_experts = [2,0] (expected a positive integer, or a list of one for",
        "[2, 2.5]  | num_local_experts = [2,2.5] (expected a positive integer, or a list of one",
        "[2, \"4\"] | num_local_experts = [2,\"4\"] (expected a positive integer, or a list of one",
        "[]        | num_local_experts = [] (expected a positive integer, or a list of one for each",
      })
  void aListThatCannotBeIsRefused(String list, String message) {
    assertThat(Refusal.of(() -> layout(listed(list)))).contains(message);
  }

  @Test
  void keysThatDifferAreRefused() {
    assertThat(Refusal.of(() -> layout(listed("[2, 4]").config("num_experts", "4"))))
        .contains("mean the same and differ");
  }

  /// A list must not make the program look at billions of layers.
  @Test
  void claimedLayersAreNotCounted() {
    assertThat(Refusal.of(() -> layout(listed("[2, 4]").config("num_hidden_layers", "2000000000"))))
        .contains("a list of 2 numbers, and more layers");
  }

  @Test
  void numbersInWords() {
    assertThat(ExpertCounts.text(List.of(16))).isEqualTo("16");
    assertThat(ExpertCounts.text(List.of(16, 12, 20))).isEqualTo("12 to 20");
    assertThat(ExpertCounts.text(List.of())).isEqualTo("no");
  }

  private static TinyMoe listed(String json) {
    return TinyMoe.qwen3().config("num_local_experts", json);
  }

  private static ModelLayout layout(TinyMoe moe) {
    return ModelLayout.of(ModelConfig.parse(moe.configJson()));
  }
}
