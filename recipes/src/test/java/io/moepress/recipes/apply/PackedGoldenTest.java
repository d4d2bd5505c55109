package io.moepress.recipes.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.json.Json;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Quantised experts of a trained model are, byte for byte, what another implementation packs: one
/// in NumPy that puts codes into one long integer and cuts it into words. `packed.json` has the
/// SHA-256 of the tensors of each matrix of layer 1, one behind the other.
class PackedGoldenTest {
  private static final int LAYER = 1;

  @ParameterizedTest
  @CsvSource({
    "compressed-tensors W4A16, COMPRESSED_TENSORS, 4, true",
    "compressed-tensors W4A16 asymmetric, COMPRESSED_TENSORS, 4, false",
    "compressed-tensors W3A16, COMPRESSED_TENSORS, 3, true",
    "gptq W4A16, GPTQ, 4, true",
    "gptq W4A16 asymmetric, GPTQ, 4, false",
    "gptq W3A16, GPTQ, 3, true",
    "gptq W8A16, GPTQ, 8, true",
  })
  void bytesAreThoseOfAnIndependentImplementation(
      String name, QuantizedStorage storage, int bits, boolean symmetric) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/lowprecision/packed.json"));
    IntegerScheme scheme = new IntegerScheme(bits, symmetric, golden.get("groupSize").asInt());
    SortedMap<String, String> expected = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : golden.get("digests").get(name).properties()) {
      expected.put(entry.getKey(), "sha256:" + entry.getValue().asString());
    }

    assertThat(digests(scheme, storage)).hasSize(8 * 3).isEqualTo(expected);
  }

  private static SortedMap<String, String> digests(IntegerScheme scheme, QuantizedStorage storage)
      throws IOException {
    List<TensorRole> roles =
        List.of(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP, TensorRole.EXPERT_DOWN);
    QuantizeWeights step =
        new QuantizeWeights(LAYER, "handmade", storage, List.of(new Part(roles, scheme)));
    SortedMap<String, String> digests = new TreeMap<>();
    try (CheckpointDirectory source =
        CheckpointDirectory.open(TestData.path("models/tiny-mixtral"))) {
      MoeModel model = MoeModel.of(source);
      Checkpoint planned = new PlannedCheckpoint(source, Lowering.lower(model, List.of(step)));
      for (String weight : model.inventory().names().values()) {
        if (weight.startsWith("model.layers.1.") && weight.contains(".experts.")) {
          digests.put(weight, digest(planned, names(weight, storage, scheme)));
        }
      }
    }
    return digests;
  }

  private static List<String> names(String weight, QuantizedStorage storage, IntegerScheme scheme) {
    List<String> suffixes =
        switch (storage) {
          case COMPRESSED_TENSORS ->
              scheme.isSymmetric()
                  ? List.of(".weight_packed", ".weight_scale", ".weight_shape")
                  : List.of(
                      ".weight_packed", ".weight_scale", ".weight_shape", ".weight_zero_point");
          case GPTQ -> List.of(".qweight", ".qzeros", ".scales", ".g_idx");
          case DECODED -> List.of(".weight");
        };
    String layer = weight.substring(0, weight.length() - ".weight".length());
    return suffixes.stream().map(suffix -> layer + suffix).toList();
  }

  private static String digest(Checkpoint checkpoint, List<String> tensors) throws IOException {
    MessageDigest digest = Fingerprint.sha256();
    try (Arena arena = Arena.ofConfined()) {
      for (String tensor : tensors) {
        digest.update(checkpoint.read(tensor, arena).bytes().asByteBuffer());
      }
    }
    return Fingerprint.format(digest);
  }
}
