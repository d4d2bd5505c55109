package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class GoldenLogitsTest {
  /// What the float32 computations of two implementations may differ by, for logits of scale 10.
  private static final float TOLERANCE = 1e-4f;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "arch/qwen3_moe",
        "arch/mixtral",
        "arch/qwen2_moe",
        "arch/olmoe",
        "arch/deepseek_v2",
        "arch/deepseek_v3",
        "arch/gpt_oss",
        "lowprecision/deepseek_v3_fp8_block16",
        "lowprecision/gpt_oss_mxfp4"
      })
  void equalTheReferenceImplementations(String checkpoint) throws IOException {
    Path directory = TestData.path("golden/" + checkpoint);
    JsonNode golden = Json.object(directory.resolve("golden.json"));
    JsonNode expected = golden.get("logits");

    float[] logits = logits(directory, ids(golden.get("token_ids")), 2);

    int vocabulary = expected.get(0).size();
    for (int token = 0; token < expected.size(); token++) {
      for (int i = 0; i < vocabulary; i++) {
        assertThat(logits[token * vocabulary + i])
            .as("token %d, logit %d", token, i)
            .isCloseTo((float) expected.get(token).get(i).asDouble(), offset(TOLERANCE));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-qwen3moe", "tiny-mixtral", "tiny-deepseekv3"})
  void equalThoseOfTheTrainedModels(String model) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/models/" + model + ".json"));
    JsonNode expected = golden.get("last_logits");
    int[] ids = ids(golden.get("prompt_token_ids"));

    float[] logits = logits(TestData.path("models/" + model), ids, 1);

    int last = (ids.length - 1) * expected.size();
    for (int i = 0; i < expected.size(); i++) {
      assertThat(logits[last + i])
          .as("logit %d", i)
          .isCloseTo((float) expected.get(i).asDouble(), offset(TOLERANCE));
    }
    assertThat(likeliest(logits, ids.length)).isEqualTo(ids(golden.get("argmax_per_position")));
  }

  /// The likeliest next token after each.
  private static int[] likeliest(float[] logits, int tokens) {
    int vocabulary = logits.length / tokens;
    int[] likeliest = new int[tokens];
    for (int token = 0; token < tokens; token++) {
      int best = token * vocabulary;
      for (int i = best; i < (token + 1) * vocabulary; i++) {
        best = logits[i] > logits[best] ? i : best;
      }
      likeliest[token] = best - token * vocabulary;
    }
    return likeliest;
  }

  @Test
  void doNotDependOnTheNumberOfWorkers() throws IOException {
    Path directory = TestData.path("models/tiny-mixtral");
    int[] ids =
        ids(Json.object(TestData.path("golden/models/tiny-mixtral.json")).get("prompt_token_ids"));

    float[] alone = logits(directory, ids, 1);

    for (int repetition = 0; repetition < 3; repetition++) {
      assertThat(Arrays.mismatch(logits(directory, ids, 4), alone)).isEqualTo(-1);
    }
  }

  private static float[] logits(Path directory, int[] ids, int threads) throws IOException {
    Corpus corpus =
        new Corpus(
            List.of(new Domain("golden", "golden.json", "sha256:0")),
            List.of(new TokenSequence(0, ids)));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory);
        Workers workers = new Workers(threads);
        TorchScope scope = Torch.scope()) {
      MoeModel model = MoeModel.of(checkpoint);
      ForwardPass pass = new ForwardPass(model, PassResources.inMemory(workers, Progress.SILENT));
      try (HiddenStates hidden = pass.run("test", corpus, MoePass.Observer.NONE);
          OutputHead head = new OutputHead(model)) {
        MemorySegment values = TorchScope.values(head.logits(scope, hidden, 0, ids.length));
        return values.toArray(JAVA_FLOAT);
      }
    }
  }

  private static int[] ids(JsonNode node) {
    return node.valueStream().mapToInt(JsonNode::asInt).toArray();
  }
}
