package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/// The experts of the toy layer, run on its tokens with the routing that the reference has.
class ToyLayerTest {
  private static final int TOKENS = 8;
  private static final int HIDDEN = 4;
  private static final int WIDTH = 3;
  private static final int EXPERTS = 4;
  private static final int TOP_K = 2;

  @TempDir Path folder;
  private JsonNode golden = Json.mapper().createObjectNode();

  @BeforeEach
  void write() throws IOException {
    golden = Json.object(TestData.path("golden/scores.json"));
    TinyMoe moe =
        TinyMoe.mixtral()
            .layers(1)
            .hidden(HIDDEN)
            .heads(1, 1, 4)
            .experts(EXPERTS)
            .topK(TOP_K)
            .expertWidth(WIDTH);
    for (int expert = 0; expert < EXPERTS; expert++) {
      moe.with(moe.family().gate(0, expert), weights("Wg", expert));
      moe.with(moe.family().up(0, expert), weights("Wu", expert));
      moe.with(moe.family().down(0, expert), weights("Wd", expert));
    }
    moe.write(folder);
  }

  private float[] weights(String key, int expert) {
    return flat(golden.get("inputs").get(key).get(expert));
  }

  private static float[] flat(JsonNode rows) {
    float[] values = new float[rows.size() * rows.get(0).size()];
    for (int i = 0; i < values.length; i++) {
      int columns = rows.get(0).size();
      values[i] = (float) rows.get(i / columns).get(i % columns).asDouble();
    }
    return values;
  }

  @Test
  void outputsAreThoseOfTheReference() throws IOException {
    ExpertRunner.Result result = run(Set.of());

    assertThat(result.sums()).isEmpty();
    for (int slot = 0; slot < TOKENS * TOP_K; slot++) {
      int expert = routing().experts()[slot];
      assertThat((double) result.norms()[slot])
          .isCloseTo(
              golden.get("out_norm_all").get(slot / TOP_K).get(expert).asDouble(), within(4e-6));
    }
  }

  /// Sums of five float32 values of a few units, or their squares.
  @ParameterizedTest
  @CsvSource({
    "OUTPUTS, /MoNE/mean_out, 1e-5",
    "INPUT_SQUARES, /colnorm/plain/inp, 1e-5",
    "INTERMEDIATE_SQUARES, /colnorm/plain/inter, 1e-5",
    "GATED_INPUT_SQUARES, /colnorm/gate2/inp, 1e-5",
    "GATED_INTERMEDIATE_SQUARES, /colnorm/gate2/inter, 1e-5",
  })
  void sumsAreThoseOfTheReference(ExpertSum sum, String pointer, double tolerance)
      throws IOException {
    double[][] sums = Objects.requireNonNull(run(EnumSet.of(sum)).sums().get(sum));

    for (int expert = 0; expert < EXPERTS; expert++) {
      JsonNode expected = golden.at(pointer).get(expert);
      double routed = golden.get("evidence6").get("n").get(expert).asDouble();
      assertThat(sums[expert]).hasSize(expected.size());
      for (int i = 0; i < sums[expert].length; i++) {
        double found =
            sum == ExpertSum.OUTPUTS ? sums[expert][i] / routed : Math.sqrt(sums[expert][i]);
        assertThat(found).isCloseTo(expected.get(i).asDouble(), within(tolerance));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void onlyTheSumsAskedForAreFormed(ExpertSum sum) throws IOException {
    assertThat(run(EnumSet.of(sum)).sums()).containsOnlyKeys(sum);
  }

  private Routing routing() {
    Routing routing = Routing.ofTokens(TOKENS, TOP_K);
    for (int slot = 0; slot < TOKENS * TOP_K; slot++) {
      int expert = golden.get("topk").get(slot / TOP_K).get(slot % TOP_K).asInt();
      routing.experts()[slot] = expert;
      routing.weights()[slot] =
          (float) golden.get("gate_renorm").get(slot / TOP_K).get(expert).asDouble();
    }
    return routing;
  }

  private ExpertRunner.Result run(Set<ExpertSum> wanted) throws IOException {
    float[] tokens = flat(golden.get("inputs").get("X"));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(folder);
        Workers workers = new Workers(2);
        HiddenStates inputs = HiddenStates.inMemory(TOKENS, HIDDEN);
        HiddenStates outputs = HiddenStates.inMemory(TOKENS, HIDDEN)) {
      for (int i = 0; i < tokens.length; i++) {
        inputs.rows(0, TOKENS).setAtIndex(JAVA_FLOAT, i, tokens[i]);
      }
      BlockLoader blocks = new BlockLoader(MoeModel.of(checkpoint));
      return new ExpertRunner(0, EXPERTS, blocks, workers, wanted).run(inputs, routing(), outputs);
    }
  }
}
