package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture.GroupScore;
import io.moepress.formats.architecture.GoldenCheckpoints.Headers;
import io.moepress.formats.checkpoint.ModelConfig;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FamiliesTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen3_moe",
        "mixtral",
        "qwen2_moe",
        "olmoe",
        "deepseek_v2",
        "deepseek_v3",
        "gpt_oss"
      })
  void missEachTensorThatIsNotThere(String family) throws IOException {
    Headers golden = GoldenCheckpoints.headers(family);
    for (String name : golden.tensors().keySet()) {
      assertThatThrownBy(() -> golden.without(name).inventory())
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("tensor " + name + " is missing");
    }
  }

  @Test
  void knowWhichLayersAreSparse() throws IOException {
    assertThat(layout("qwen2_moe").moeLayers()).containsExactly(1);
    assertThat(layout("olmoe").moeLayers()).containsExactly(0, 1, 2, 3);
    assertThat(layout("deepseek_v2").moeLayers()).containsExactly(1, 2, 3);
  }

  @Test
  void makeBiasesAsTheConfigSays() throws IOException {
    ModelConfig without =
        GoldenCheckpoints.config("qwen2_moe", "\"qkv_bias\": true", "\"qkv_bias\": false");

    assertThat(layout("qwen2_moe").has(TensorRole.QUERY_BIAS)).isTrue();
    assertThat(ModelLayout.of(without).has(TensorRole.QUERY_BIAS)).isFalse();
  }

  @Test
  void compressQueriesAsTheConfigSays() throws IOException {
    ModelLayout whole = layout("deepseek_v2");
    ModelLayout compressed = layout("deepseek_v3");

    assertThat(whole.has(TensorRole.QUERY)).isTrue();
    assertThat(whole.has(TensorRole.QUERY_COMPRESS)).isFalse();
    assertThat(compressed.has(TensorRole.QUERY)).isFalse();
    assertThat(compressed.has(TensorRole.QUERY_EXPAND)).isTrue();
  }

  @Test
  void haveNoSharedExpertWhereTheConfigNamesNone() throws IOException {
    ModelConfig none =
        GoldenCheckpoints.config(
            "deepseek_v2", "\"n_shared_experts\": 2", "\"n_shared_experts\": null");

    assertThat(ModelLayout.of(none).has(TensorRole.SHARED_GATE)).isFalse();
  }

  @Test
  void groupExpertsAsTheConfigSays() throws IOException {
    ModelConfig greedy =
        GoldenCheckpoints.config("deepseek_v2", "\"group_limited_greedy\"", "\"greedy\"");

    assertThat(layout("deepseek_v2").groups()).isEqualTo(new ExpertGroups(4, 2, GroupScore.MAX));
    assertThat(layout("deepseek_v3").groups())
        .isEqualTo(new ExpertGroups(4, 2, GroupScore.SUM_OF_TWO_LARGEST));
    assertThat(ModelLayout.of(greedy).groups()).isEqualTo(ExpertGroups.NONE);
    assertThat(layout("olmoe").groups()).isEqualTo(ExpertGroups.NONE);
  }

  @Test
  void refuseCountsThatDoNotFitTheGroups() throws IOException {
    ModelConfig ten =
        GoldenCheckpoints.config(
            "deepseek_v3", "\"n_routed_experts\": 8", "\"n_routed_experts\": 10");

    assertThatThrownBy(() -> ModelLayout.of(ten))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("10 experts (expected a multiple of 4, at least 8");
  }

  @Test
  void refuseMoreOpenGroupsThanThereAre() throws IOException {
    ModelConfig five =
        GoldenCheckpoints.config("deepseek_v3", "\"topk_group\": 2", "\"topk_group\": 5");

    assertThatThrownBy(() -> ModelLayout.of(five))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("5 of 4 expert groups are open");
  }

  @Test
  void refuseAForwardPassTheyAreNotWrittenFor() throws IOException {
    ModelConfig halves =
        GoldenCheckpoints.config(
            "deepseek_v3", "\"rope_interleave\": true", "\"rope_interleave\": false");
    ModelConfig unsaid = GoldenCheckpoints.config("deepseek_v3", "\"rope_interleave\": true,", "");

    assertThatThrownBy(() -> ModelLayout.of(halves).requireAssumptions())
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("rope_interleave = false")
        .hasMessageContaining("knows only true");
    assertThatCode(() -> ModelLayout.of(unsaid).requireAssumptions()).doesNotThrowAnyException();
  }

  @Test
  void haveTwins() {
    assertThat(ArchitectureCatalog.named("kimi_k2"))
        .isEqualTo(ArchitectureCatalog.named("deepseek_v3"));
  }

  @Test
  void keepMultiTokenPredictionApart() throws IOException {
    String name = "model.layers.4.eh_proj.weight";

    Headers extra = GoldenCheckpoints.headers("deepseek_v3").with(name, 32, 64);

    assertThat(extra.inventory().multiTokenPrediction()).containsExactly(name);
    assertThat(extra.inventory().names()).doesNotContainValue(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.layers.5.eh_proj.weight",
        "model.layers.3.eh_proj.weight",
        "model.layers.40.eh_proj.weight",
        "model.layers.4x.eh_proj.weight",
        "language.model.layers.4.eh_proj.weight"
      })
  void knowNoOtherLayersBehindTheLast(String name) throws IOException {
    Headers extra = GoldenCheckpoints.headers("deepseek_v3").with(name, 32, 64);

    assertThatThrownBy(extra::inventory)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("1 tensors have no role in the architecture deepseek_v3")
        .hasMessageContaining(name);
  }

  @Test
  void expectNoMultiTokenPredictionWhereTheConfigNamesNone() throws IOException {
    Headers extra =
        GoldenCheckpoints.headers("deepseek_v3")
            .with("model.layers.4.eh_proj.weight", 32, 64)
            .config("num_nextn_predict_layers", 0);

    assertThatThrownBy(extra::inventory)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("model.layers.4.eh_proj.weight");
  }

  private static ModelLayout layout(String family) throws IOException {
    return ModelLayout.of(GoldenCheckpoints.headers(family).config());
  }
}
