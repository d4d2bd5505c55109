package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.architecture.GoldenCheckpoints.Headers;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Drafts for families that the program is made to believe it does not know.
class ArchitectureDraftTest {
  /// What a person would fill in.
  private static final Map<String, String> ANSWERS =
      Map.of("rotary", "half", "score", "softmax", "renormalise", "true", "epsilon", "1e-6");

  @ParameterizedTest
  @ValueSource(
      strings = {"deepseek_v2", "deepseek_v3", "mixtral", "olmoe", "qwen2_moe", "qwen3_moe"})
  void everyTensorOfAKnownFamilyGetsItsRole(String family) throws IOException {
    Headers headers = renamed(GoldenCheckpoints.headers(family));

    ArchitectureDraft draft = ArchitectureDraft.of(headers);

    assertThat(draft.undecided()).noneMatch(line -> line.startsWith("tensor"));
    ModelLayout layout = ModelLayout.of(answered(draft), headers.config());
    assertThat(TensorInventory.of(headers, layout).names().values())
        .containsExactlyInAnyOrderElementsOf(headers.tensors().keySet());
    assertSameAsShipped(family, layout, headers);
  }

  /// The shipped file gives the same tensors the same names and shapes.
  private static void assertSameAsShipped(String family, ModelLayout layout, Headers headers) {
    ModelLayout shipped = ModelLayout.of(ArchitectureCatalog.named(family), headers.config());
    for (TensorRole role : layout.architecture().tensors().keySet()) {
      assertThat(layout.shape(role)).as("%s", role).isEqualTo(shipped.shape(role));
      assertThat(layout.architecture().tensors().get(role).name())
          .isEqualTo(shipped.architecture().tensors().get(role).name());
    }
    assertThat(layout.moeLayers()).isEqualTo(shipped.moeLayers());
    assertThat(layout.topK()).isEqualTo(shipped.topK());
  }

  /// Nothing is dropped in silence: a tensor has a role, or stands among the undecided.
  @ParameterizedTest
  @ValueSource(strings = {"glm4_moe", "granitemoe"})
  void everyTensorOfAnUnknownFamilyIsCovered(String family) throws IOException {
    Headers headers = headers(family);

    ArchitectureDraft draft = ArchitectureDraft.of(headers);

    for (TensorPattern pattern : TensorPattern.of(headers)) {
      boolean role =
          draft
              .architecture()
              .get("tensors")
              .valueStream()
              .anyMatch(tensor -> tensor.get("name").asString().equals(pattern.name()));
      boolean asked =
          draft.undecided().stream().anyMatch(line -> line.startsWith("tensor " + pattern.name()));
      assertThat(role || asked).as(pattern.name()).isTrue();
    }
  }

  @Test
  void whatNamesAndNumbersSayIsDecided() throws IOException {
    ObjectNode draft = ArchitectureDraft.of(headers("glm4_moe")).architecture();

    assertThat(draft.at("/modelTypes/0").asString()).isEqualTo("glm4_moe");
    assertThat(draft.at("/countKeys/0").asString()).isEqualTo("n_routed_experts");
    assertThat(draft.at("/moeLayers/first").asString()).isEqualTo("config.first_k_dense_replace");
    assertThat(draft.at("/dimensions/sharedWidth").asString())
        .isEqualTo("expertWidth * config.n_shared_experts");
    assertThat(draft.at("/tensors/query-bias/shape/0").asString()).isEqualTo("heads * headDim");
    assertThat(draft.at("/attention/headNorm").asString()).isEqualTo("per-head");
    assertThat(draft.at("/attention/rotaryWidth").asString())
        .isEqualTo("headDim * config.partial_rotary_factor");
  }

  @Test
  void whatNothingSaysIsAskedAndNotMadeUp() throws IOException {
    ArchitectureDraft draft = ArchitectureDraft.of(headers("granitemoe"));

    assertThat(draft.undecided())
        .contains(
            "tensor model.layers.{layer}.block_sparse_moe.input_linear.weight [6, 48, 32]: no known"
                + " role",
            "dimension expertWidth: no tensor is known to be an expert's",
            "attention.rotary: half or pairs",
            "router.score: softmax, softmax-of-chosen or sigmoid",
            "router.renormalise: true or false");
    assertThat(draft.architecture().at("/router/score").asString()).isEqualTo("?");
    assertThat(Refusal.of(() -> Architectures.bind(draft.architecture()))).contains("\"?\"");
  }

  @Test
  void aTensorOfAnotherShapeIsAsked() throws IOException {
    Headers headers = renamed(GoldenCheckpoints.headers("mixtral")).with("model.norm.weight", 7);

    ArchitectureDraft draft = ArchitectureDraft.of(headers);

    assertThat(draft.undecided())
        .contains(
            "tensor model.norm.weight [7]: its role seems to be final-norm, but its shape is not that"
                + " role's; the numbers stand for themselves");
    assertThat(draft.architecture().at("/tensors/final-norm/shape/0").asString()).isEqualTo("7");
  }

  @Test
  void layersBehindTheLastOneAreForMultiTokenPrediction() throws IOException {
    Headers headers =
        renamed(GoldenCheckpoints.headers("deepseek_v3")).with("model.layers.4.enorm.weight", 32);

    ObjectNode draft = ArchitectureDraft.of(headers).architecture();

    assertThat(draft.at("/multiTokenPrediction/prefix").asString())
        .isEqualTo("model.layers.{layer}.");
    assertThat(draft.at("/multiTokenPrediction/countKey").asString())
        .isEqualTo("num_nextn_predict_layers");
  }

  private static Headers renamed(Headers headers) {
    String family = headers.config().modelType();
    String text = headers.config().text().replace("\"" + family + "\"", "\"unheard_of\"");
    return new Headers(ModelConfig.parse(text), headers.tensors());
  }

  private static Architecture answered(ArchitectureDraft draft) {
    ObjectNode tree = draft.architecture().deepCopy();
    answer(tree);
    if (tree.at("/router/groups").isObject()) {
      ((ObjectNode) tree.at("/router/groups")).put("score", "max");
    }
    return Architectures.bind(tree);
  }

  private static void answer(ObjectNode tree) {
    for (Map.Entry<String, JsonNode> entry : tree.properties()) {
      if (entry.getValue() instanceof ObjectNode child) {
        answer(child);
      } else if (entry.getValue().asString("").equals(DraftDimensions.UNKNOWN)) {
        tree.put(entry.getKey(), Objects.requireNonNull(ANSWERS.get(entry.getKey())));
      }
    }
  }

  private static Headers headers(String family) throws IOException {
    try (InputStream file =
        Objects.requireNonNull(
            ArchitectureDraftTest.class.getResourceAsStream("headers/" + family + ".json"))) {
      ObjectNode json =
          Json.object(new String(file.readAllBytes(), StandardCharsets.UTF_8), family);
      TreeMap<String, TensorInfo> tensors = new TreeMap<>();
      for (Map.Entry<String, JsonNode> tensor : json.get("tensors").properties()) {
        LongStream shape = tensor.getValue().valueStream().mapToLong(JsonNode::asLong);
        tensors.put(
            tensor.getKey(), new TensorInfo(tensor.getKey(), DType.F32, Shape.of(shape.toArray())));
      }
      return new Headers(ModelConfig.parse(json.get("config").toString()), tensors);
    }
  }
}
