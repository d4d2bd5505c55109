package io.moepress.formats.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ModelConfigTest {

  @Test
  void aKeyWithDotsLeadsIntoNestedObjects() {
    String text = "{\"text_config\": {\"num_experts\": 8, \"gone\": null}, \"num_experts\": 4}";
    ModelConfig config = ModelConfig.parse(text);

    assertThat(config.value("text_config.num_experts")).hasToString("Optional[8]");
    assertThat(config.value("text_config.gone")).isEmpty();
    assertThat(config.has("text_config.gone")).isTrue();
    assertThat(config.has("text_config.other")).isFalse();
    assertThat(config.has("vision_config.num_experts")).isFalse();
    assertThat(config.has("num_experts.other")).isFalse();
    assertThat(config.with("text_config.num_experts", 6).text()).isEqualTo(text.replace("8", "6"));
  }

  @Test
  void valuesAreFoundByKey() {
    ModelConfig config = ModelConfig.parse("{\"a\": 5, \"b\": null, \"c\": false}");
    assertThat(config.value("a").map(JsonNode::asInt)).contains(5);
    assertThat(config.value("b")).isEmpty();
    assertThat(config.value("c").map(JsonNode::asBoolean)).contains(false);
    assertThat(config.value("d")).isEmpty();
    assertThat(config.has("b")).isTrue();
    assertThat(config.has("d")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"model_type\": null}", "{\"model_type\": 5}"})
  void configurationHasAModelType(String text) {
    assertThat(Refusal.of(() -> ModelConfig.parse(text).modelType()))
        .isEqualTo("config.json: no model_type. A checkpoint in the Hugging Face layout has one.");
  }

  @Test
  void editsGiveANewConfiguration() {
    ModelConfig config = ModelConfig.parse("{\"num_experts\": 8, \"rms_norm_eps\": 1e-06}");
    ModelConfig edited = config.with("num_experts", 4).with("num_local_experts", 4);
    assertThat(edited.text())
        .isEqualTo("{\"num_experts\": 4, \"rms_norm_eps\": 1e-06, \"num_local_experts\": 4}");
    assertThat(edited.value("num_experts").map(JsonNode::asInt)).contains(4);
    assertThat(config.text()).isEqualTo("{\"num_experts\": 8, \"rms_norm_eps\": 1e-06}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"models/tiny-qwen3moe", "models/tiny-mixtral", "models/tiny-deepseekv3"})
  void everyOtherLineOfARealConfigurationStays(String model) throws IOException {
    String text = Files.readString(TestData.path(model).resolve("config.json"));
    String edited = ModelConfig.parse(text).with("num_experts_per_tok", 12_345).text();
    assertThat(edited.lines().filter(line -> !line.contains("12345")))
        .containsExactlyElementsOf(
            text.lines().filter(line -> !line.contains("\"num_experts_per_tok\"")).toList());
    assertThat(ModelConfig.parse(edited).with("num_experts_per_tok", 4).text())
        .isEqualTo(ModelConfig.parse(text).with("num_experts_per_tok", 4).text());
  }
}
