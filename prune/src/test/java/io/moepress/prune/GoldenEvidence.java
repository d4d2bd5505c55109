package io.moepress.prune;

import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.testdata.TestData;
import java.io.IOException;
import tools.jackson.databind.JsonNode;

/// What the reference implementation measured on `tiny-mixtral`, and what it makes of it.
final class GoldenEvidence {
  static final int LAYERS = 4;
  static final int EXPERTS = 8;

  private final JsonNode layers;

  private GoldenEvidence(JsonNode layers) {
    this.layers = layers;
  }

  static GoldenEvidence read() throws IOException {
    return new GoldenEvidence(
        Json.object(TestData.path("golden/models/tiny-mixtral.methods.json")).get("layers"));
  }

  Question question() {
    Question question = Question.about(EXPERTS, "math");
    for (int layer = 0; layer < LAYERS; layer++) {
      question
          .with(layer, Statistic.ROUTED_TOKENS, numbers(layer, "routed_tokens"))
          .with(layer, Statistic.GATE_SUM, numbers(layer, "gate_sum"))
          .with(layer, Statistic.OUTPUT_NORM_SUM, numbers(layer, "output_norm_sum"))
          .with(layer, Statistic.OUTPUT_SQUARE_SUM, numbers(layer, "output_sq_sum"))
          .with(layer, Statistic.GATED_OUTPUT_NORM_SUM, numbers(layer, "gated_output_norm_sum"))
          .with(layer, Statistic.EASY_EP_SUM, numbers(layer, "easy_ep"));
    }
    return question;
  }

  double[] numbers(int layer, String key) {
    return layers
        .get(String.valueOf(layer))
        .get(key)
        .valueStream()
        .mapToDouble(JsonNode::asDouble)
        .toArray();
  }

  Integer[] indices(int layer, String key) {
    return layers
        .get(String.valueOf(layer))
        .get(key)
        .valueStream()
        .map(JsonNode::asInt)
        .toArray(Integer[]::new);
  }
}
