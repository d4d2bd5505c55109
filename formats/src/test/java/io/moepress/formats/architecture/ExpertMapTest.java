package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.Shape;
import io.moepress.testdata.TinyMoe;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Several router rows lead to one expert.
class ExpertMapTest {

  @Test
  void theRouterHasMoreRowsThanThereAreExperts() {
    ModelLayout layout = layout("[[0, 1, 0, 1], [1, 0, 0, 0]]");

    assertThat(layout.experts(1)).isEqualTo(2);
    assertThat(layout.routerRows(1)).isEqualTo(4);
    assertThat(layout.expertMap().expert(1, 0)).isEqualTo(1);
    assertThat(layout.expertMap().expert(0, 3)).isEqualTo(1);
    assertThat(layout.shape(TensorId.ofLayer(TensorRole.ROUTER, 1))).isEqualTo(Shape.of(4, 16));
    assertThat(layout.tensors())
        .contains(new TensorId(TensorRole.EXPERT_GATE, 1, 1))
        .doesNotContain(new TensorId(TensorRole.EXPERT_GATE, 1, 2));
  }

  @Test
  void withoutAMapEachExpertHasItsOwnRow() {
    ModelLayout layout = ModelLayout.of(config());

    assertThat(layout.expertMap().isEmpty()).isTrue();
    assertThat(layout.routerRows(0)).isEqualTo(2);
    assertThat(layout.expertMap().expert(0, 1)).isEqualTo(1);
  }

  /// A token that uses three rows may find two experts enough.
  @Test
  void aTokenChoosesFromRows() {
    ModelConfig mapped = with("[[0, 1, 0, 1], [1, 0, 0, 0]]").with("num_experts_per_tok", 4);

    assertThat(ModelLayout.of(mapped).topK()).isEqualTo(4);
    assertThat(Refusal.of(() -> ModelLayout.of(mapped.with("num_experts_per_tok", 5))))
        .contains("5 experts per token, but only 4");
  }

  @Test
  void isWrittenAsItIsRead() {
    ModelLayout layout = layout("[[0, 1, 0, 1], [1, 0, 0, 0]]");

    ModelConfig written = layout.expertMap().in(config());

    assertThat(written.text()).contains("\"expert_map\": [[0, 1, 0, 1], [1, 0, 0, 0]]");
    assertThat(ModelLayout.of(written).expertMap()).isEqualTo(layout.expertMap());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[[0, 1, 0, 1]]|1 lists, for more layers with experts",
        "[[0, 1], [0, 1], [0, 1]]|3 lists, for 2 layers with experts",
        "[[0, 2], [0, 1]]|layer 0 leads to experts [0, 2], of which there are 2",
        "[[0, 1], [-1, 0]]|layer 1 leads to experts [-1, 0], of which there are 2",
        "[[0, 1], [0, 0]]|layer 1 leads to experts [0], of which there are 2",
        "[[0, 1], []]|layer 1 leads to experts [], of which there are 2",
        "[0, 1]|[0,1]",
        "[[0, 1], [0, 0.5]]|[[0,1],[0,0.5]]",
        "7|7",
        "null|null",
      })
  void whatLeadsNowhereIsRefused(String map, String fault) {
    assertThat(Refusal.of(() -> layout(map)))
        .isEqualTo(
            "config.json: expert_map: "
                + fault
                + " (expected a list for each layer with experts, of the expert of each router row,"
                + " every expert at least once)");
  }

  private static ModelLayout layout(String map) {
    return ModelLayout.of(with(map));
  }

  private static ModelConfig with(String map) {
    return ModelConfig.parse(config().text().replaceFirst("\\{", "{\"expert_map\": " + map + ","));
  }

  private static ModelConfig config() {
    return ModelConfig.parse(TinyMoe.qwen3().layers(2).experts(2).topK(1).configJson());
  }

  @Test
  void rowsAreListedByLayer() {
    assertThat(layout("[[0, 1, 0, 1], [1, 0, 0, 0]]").expertMap().byLayer())
        .containsEntry(1, List.of(1, 0, 0, 0));
  }
}
