package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.Shape;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

class ModelLayoutTest {

  @Test
  void dimensionsComeFromTheConfiguration() {
    ModelLayout layout = layout(TinyMoe.qwen3().layers(3).experts(8).topK(4).heads(6, 3, 5));
    assertThat(layout.layers()).isEqualTo(3);
    assertThat(layout.experts()).isEqualTo(8);
    assertThat(layout.topK()).isEqualTo(4);
    assertThat(layout.dimension(Dimension.HIDDEN)).isEqualTo(16);
    assertThat(layout.dimension(Dimension.VOCABULARY)).isEqualTo(32);
    assertThat(layout.dimension(Dimension.HEADS)).isEqualTo(6);
    assertThat(layout.dimension(Dimension.KEY_VALUE_HEADS)).isEqualTo(3);
    assertThat(layout.dimension(Dimension.HEAD_DIM)).isEqualTo(5);
    assertThat(layout.dimension(Dimension.EXPERT_WIDTH)).isEqualTo(8);
    assertThat(layout.shape(TensorRole.QUERY)).isEqualTo(Shape.of(30, 16));
    assertThat(layout.shape(TensorRole.KEY)).isEqualTo(Shape.of(15, 16));
    assertThat(layout.shape(TensorRole.ROUTER)).isEqualTo(Shape.of(8, 16));
  }

  @Test
  void absentKeysHaveTheirDefaults() {
    ModelLayout layout =
        layout(TinyMoe.mixtral().withoutConfig("head_dim").withoutConfig("num_key_value_heads"));
    assertThat(layout.dimension(Dimension.HEAD_DIM)).isEqualTo(4); // 16 / 4
    assertThat(layout.dimension(Dimension.KEY_VALUE_HEADS)).isEqualTo(4);
    assertThat(layout(TinyMoe.mixtral().config("head_dim", "null")).dimension(Dimension.HEAD_DIM))
        .isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({
    "num_hidden_layers, layers",
    "hidden_size, hidden",
    "vocab_size, vocabulary",
    "num_attention_heads, heads",
    "num_experts_per_tok, topK",
    "moe_intermediate_size, expertWidth",
  })
  void missingDimensionIsNamedWithItsKey(String key, String dimension) {
    assertThat(refusal(TinyMoe.qwen3().withoutConfig(key)))
        .isEqualTo("config.json: no value for \"" + dimension + "\" (config." + key + ")");
  }

  @Test
  void missingCountIsNamedWithAllItsKeys() {
    assertThat(refusal(TinyMoe.qwen3().withoutConfig("num_local_experts")))
        .isEqualTo(
            "config.json: no value for \"experts\" (config.num_local_experts ?? config.num_experts)");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "1.5", "false", "2147483648", "1e300", "1e999"})
  void dimensionIsAPositiveInteger(String value) {
    assertThat(refusal(TinyMoe.qwen3().config("hidden_size", value)))
        .startsWith("config.json: hidden = ")
        .endsWith(" (expected a positive integer)");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"16\"", "[16]", "{}", "100000000000000000000000000000"})
  void dimensionIsANumber(String value) {
    assertThat(refusal(TinyMoe.qwen3().config("hidden_size", value)))
        .isEqualTo("config.json: hidden_size = " + value + " (expected a number)");
  }

  @Test
  void numberWithoutEndIsRefusedInAShortMessage() {
    assertThat(refusal(TinyMoe.qwen3().config("hidden_size", "9".repeat(900))))
        .startsWith("config.json: hidden_size = 999")
        .hasSizeLessThan(120);
  }

  @Test
  void headsThatDoNotDivideTheWidthAreRefused() {
    assertThat(
            refusal(TinyMoe.mixtral().withoutConfig("head_dim").config("num_attention_heads", "3")))
        .startsWith("config.json: headDim = 5.33")
        .endsWith(" (expected a positive integer)");
  }

  @Test
  void countKeysThatDisagreeAreRefused() {
    assertThat(refusal(TinyMoe.qwen3().config("num_experts", "8")))
        .isEqualTo(
            "config.json: [num_experts, num_local_experts] mean the same and differ. Set them equal"
                + " to what the tensors hold.");
    assertThat(layout(TinyMoe.qwen3().config("num_experts", "4")).experts()).isEqualTo(4);
    assertThat(layout(TinyMoe.qwen3().config("num_experts", "null")).experts()).isEqualTo(4);
  }

  @Test
  void moreExpertsPerTokenThanThereAreIsRefused() {
    assertThat(refusal(TinyMoe.qwen3().topK(5)))
        .isEqualTo("config.json: [num_experts_per_tok]: 5 experts per token, but only 4 experts");
    assertThat(layout(TinyMoe.qwen3().topK(4)).topK()).isEqualTo(4);
  }

  @Test
  void unknownModelTypeIsRefused() {
    assertThat(refusal(TinyMoe.qwen3().config("model_type", "\"qwen9\"")))
        .startsWith("config.json: unknown architecture: model_type qwen9 (expected one of ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1| []| 0,1,2,3,4,5",
        "2| []| 1,3,5",
        "3| []| 2,5",
        "1| [0, 4]| 1,2,3,5",
        "2| [3]| 1,5",
        "7| []| ''",
        "null| null| 0,1,2,3,4,5",
      })
  void layersWithExpertsFollowTheRule(String step, String dense, String layers) {
    ModelLayout layout =
        layout(
            TinyMoe.qwen3()
                .layers(6)
                .config("decoder_sparse_step", step)
                .config("mlp_only_layers", dense));
    assertThat(layout.moeLayers().stream().map(String::valueOf).toList())
        .isEqualTo(layers.isEmpty() ? List.of() : List.of(layers.split(",", -1)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "\"1\"", "[\"1\"]", "[1.5]", "[true]", "[[1]]", "{\"1\": 1}"})
  void listOfDenseLayersIsAListOfIntegers(String value) {
    ModelLayout layout = layout(TinyMoe.qwen3().config("mlp_only_layers", value));
    assertThat(Refusal.of(layout::moeLayers))
        .startsWith("config.json: mlp_only_layers = ")
        .endsWith(" (expected a list of layer indices)");
  }

  @Test
  void denseAndSparseLayersHaveTheirOwnTensors() {
    ModelLayout layout = layout(TinyMoe.qwen3().config("mlp_only_layers", "[0]"));
    List<TensorId> ids = layout.tensors();
    assertThat(ids)
        .contains(
            TensorId.ofModel(TensorRole.EMBEDDING),
            TensorId.ofLayer(TensorRole.DENSE_GATE, 0),
            TensorId.ofLayer(TensorRole.ROUTER, 1),
            new TensorId(TensorRole.EXPERT_UP, 1, 3))
        .doesNotContain(
            TensorId.ofLayer(TensorRole.ROUTER, 0),
            TensorId.ofLayer(TensorRole.DENSE_GATE, 1),
            new TensorId(TensorRole.EXPERT_UP, 0, 3),
            new TensorId(TensorRole.EXPERT_UP, 1, 4))
        .doesNotHaveDuplicates();
  }

  @Test
  void namesHaveLayerAndExpertFilledIn() {
    ModelLayout layout = layout(TinyMoe.mixtral());
    assertThat(layout.name(new TensorId(TensorRole.EXPERT_DOWN, 11, 7)))
        .isEqualTo("model.layers.11.block_sparse_moe.experts.7.w2.weight");
  }

  @Test
  void flagIsWhateverIsNotZero() {
    ModelLayout layout = layout(TinyMoe.qwen3());
    assertThat(layout.flag("config.norm_topk_prob ?? false")).isTrue();
    assertThat(layout.flag("config.use_sliding_window")).isFalse();
    assertThat(layout.flag("config.absent")).isFalse();
  }

  @Test
  void dimensionThatIsNotDefinedIsNamed() {
    ModelLayout layout = layout(TinyMoe.qwen3());
    assertThat(Refusal.of(() -> layout.number("heads * depth")))
        .startsWith(
            "architecture [qwen3_moe]: dimension \"depth\" is not defined (known: [layers, ");
  }

  @Test
  void dimensionThatDependsOnItselfIsNamed() throws IOException {
    ObjectNode tree = Architectures.tree("mixtral");
    ((ObjectNode) tree.get("dimensions")).put("heads", "keyValueHeads ?? 4");
    ModelConfig config = config(TinyMoe.mixtral().withoutConfig("num_key_value_heads"));
    assertThat(Refusal.of(() -> ModelLayout.of(Architectures.bind(tree), config)))
        .contains("depends on itself");
  }

  /// Thousands of them would take the stack.
  @Test
  void dimensionsThatDependOnManyOneBehindTheOtherAreRefused() throws IOException {
    ObjectNode tree = Architectures.tree("mixtral");
    ObjectNode dimensions = (ObjectNode) tree.get("dimensions");
    for (int i = 0; i < 60; i++) {
      dimensions.put("d" + i, "d" + (i + 1));
    }
    dimensions.put("d60", "1");
    assertThat(
            Refusal.of(() -> ModelLayout.of(Architectures.bind(tree), config(TinyMoe.mixtral()))))
        .contains("depends on more than 50 others, one behind the other");
  }

  @Test
  void absentRoleIsNamed() throws IOException {
    ObjectNode tree = Architectures.tree("mixtral");
    ((ObjectNode) tree.get("tensors")).remove("router");
    ModelLayout layout = ModelLayout.of(Architectures.bind(tree), config(TinyMoe.mixtral()));
    assertThat(layout.has(TensorRole.ROUTER)).isFalse();
    assertThat(Refusal.of(() -> layout.shape(TensorRole.ROUTER)))
        .isEqualTo("architecture [mixtral] has no tensor for the role ROUTER");
  }

  private static ModelLayout layout(TinyMoe moe) {
    return ModelLayout.of(config(moe));
  }

  private static String refusal(TinyMoe moe) {
    return Refusal.of(() -> layout(moe));
  }

  private static ModelConfig config(TinyMoe moe) {
    return ModelConfig.parse(moe.configJson());
  }
}
