package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.Checks;
import io.moepress.formats.Refusal;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

class TensorInventoryTest {
  private static final String KEY = "model.layers.0.self_attn.k_proj.weight";
  private static final String TWO_LAYERS = " (config.json says 2 layers and 4 experts)";

  @TempDir private Path folder;

  @Test
  void tensorsAreReadByTheirRole() throws IOException {
    TinyMoe moe = TinyMoe.mixtral();
    TensorId id = new TensorId(TensorRole.EXPERT_UP, 1, 2);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder));
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);
      assertThat(Numbers.floats(model.read(id, arena)))
          .isEqualTo(moe.values(moe.family().up(1, 2)));
      assertThat(model.info(id).shape()).isEqualTo(Shape.of(8, 16));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> model.info(TensorId.ofLayer(TensorRole.QUERY_NORM, 0)));
    }
  }

  @Test
  void optionalTensorIsThereOrNot() throws IOException {
    TensorId head = TensorId.ofModel(TensorRole.OUTPUT_HEAD);
    assertThat(inventory(TinyMoe.qwen3(), "untied").has(head)).isTrue();
    assertThat(inventory(TinyMoe.qwen3().tied(), "tied").has(head)).isFalse();
  }

  @Test
  void anOutputHeadIsMissingUnlessItIsTied() throws IOException {
    assertThat(refusal(TinyMoe.qwen3().without("lm_head.weight")))
        .isEqualTo(folder + ": tensor lm_head.weight is missing" + TWO_LAYERS);
  }

  @ParameterizedTest
  @CsvSource({
    "model.norm.weight",
    "model.embed_tokens.weight",
    "model.layers.1.mlp.gate.weight",
    "model.layers.0.mlp.experts.0.up_proj.weight",
    "model.layers.1.mlp.experts.3.down_proj.weight",
    "model.layers.1.self_attn.q_norm.weight",
  })
  void missingTensorIsNamed(String name) throws IOException {
    assertThat(refusal(TinyMoe.qwen3().without(name)))
        .isEqualTo(folder + ": tensor " + name + " is missing" + TWO_LAYERS);
  }

  @Test
  void gapInTheNumbersOfExpertsIsAMissingTensor() throws IOException {
    TinyMoe moe = TinyMoe.mixtral().experts(5);
    for (int layer = 0; layer < 2; layer++) {
      moe.without(moe.family().gate(layer, 1))
          .without(moe.family().up(layer, 1))
          .without(moe.family().down(layer, 1))
          .shape(moe.family().router(layer), 4, 16);
    }
    moe.config("num_local_experts", "4"); // experts 0, 2, 3, 4
    assertThat(refusal(moe))
        .isEqualTo(folder + ": tensor " + moe.family().gate(0, 1) + " is missing" + TWO_LAYERS);
  }

  @Test
  void moreLayersThanTheConfigurationSaysHaveNoRole() throws IOException {
    assertThat(refusal(TinyMoe.qwen3().layers(3).config("num_hidden_layers", "2")))
        .isEqualTo(
            folder
                + ": 21 tensors have no role in the architecture qwen3_moe, for instance"
                + " model.layers.2.input_layernorm.weight"
                + TWO_LAYERS);
  }

  @Test
  void unknownTensorIsNamed() throws IOException {
    assertThat(refusal(TinyMoe.mixtral().with("model.extra", new long[] {1}, 1)))
        .isEqualTo(
            folder
                + ": 1 tensors have no role in the architecture mixtral, for instance model.extra"
                + TWO_LAYERS);
  }

  @Test
  void moreExpertsThanTheConfigurationSaysShowInTheRouter() throws IOException {
    assertThat(refusal(TinyMoe.qwen3().experts(6).config("num_local_experts", "4")))
        .isEqualTo(
            folder
                + ": tensor model.layers.0.mlp.gate.weight: shape [6, 16] (expected [4, 16] from"
                + " config.json)");
  }

  @ParameterizedTest
  @CsvSource({"7, 16", "16, 8", "8, 15"})
  void wrongShapeIsNamed(long rows, long columns) throws IOException {
    assertThat(refusal(TinyMoe.qwen3().shape(KEY, rows, columns)))
        .isEqualTo(
            folder
                + ": tensor "
                + KEY
                + ": shape ["
                + rows
                + ", "
                + columns
                + "] (expected [8, 16] from config.json)");
  }

  @Test
  void wrongRankIsNamed() throws IOException {
    assertThat(refusal(TinyMoe.qwen3().shape("model.norm.weight", 16, 1)))
        .isEqualTo(
            folder + ": tensor model.norm.weight: shape [16, 1] (expected [16] from config.json)");
  }

  @ParameterizedTest
  @CsvSource({"2000000000, 4", "2, 2000000000", "40, 40"})
  void namesOfTensorsThatCannotBeThereAreNotListed(int layers, int experts) throws IOException {
    TinyMoe moe =
        TinyMoe.qwen3()
            .config("num_hidden_layers", Integer.toString(layers))
            .config("num_local_experts", Integer.toString(experts));
    assertThat(refusal(moe))
        .isEqualTo(
            folder
                + Checks.text(
                    ": only %d tensors, but config.json says %d layers and %d experts",
                    moe.tensors().size(), layers, experts));
  }

  @Test
  void oneNameForTwoRolesIsRefused() throws IOException {
    ObjectNode tree = Architectures.tree("mixtral");
    ObjectNode tensors = (ObjectNode) tree.get("tensors");
    tensors.set("expert-up", tensors.get("expert-gate"));
    TinyMoe moe = TinyMoe.mixtral();
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      ModelLayout layout = ModelLayout.of(Architectures.bind(tree), checkpoint.config());
      assertThat(Refusal.of(() -> TensorInventory.of(checkpoint, layout)))
          .isEqualTo("architecture [mixtral]: two roles have the name " + moe.family().gate(0, 0));
    }
  }

  private TensorInventory inventory(TinyMoe moe, String name) throws IOException {
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(moe.write(folder.resolve(name)))) {
      return MoeModel.of(checkpoint).inventory();
    }
  }

  private String refusal(TinyMoe moe) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      return Refusal.of(() -> MoeModel.of(checkpoint));
    }
  }
}
