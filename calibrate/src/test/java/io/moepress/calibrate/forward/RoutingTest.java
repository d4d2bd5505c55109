package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.forward.TopKRouter.Selection;
import io.moepress.calibrate.forward.TopKRouter.Weighting;
import io.moepress.formats.architecture.Architecture.RouterScore;
import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class RoutingTest {

  private static Routing route(int topK, boolean renormalise, float... logits) {
    Routing routing = Routing.ofTokens(1, topK);
    router(topK, renormalise).route(logits, routing, 0);
    return routing;
  }

  @Test
  void theLargestScoresAreChosenTheBestFirst() {
    assertThat(route(3, true, 1, 5, -2, 4, 3).experts()).containsExactly(1, 3, 4);
  }

  /// Softmax of (0, ln 2, ln 3, ln 4) is a tenth of (1, 2, 3, 4).
  @Test
  void weightsAreTheSoftmaxOverAllExpertsRenormalisedOrNot() {
    float[] logits = {0, (float) Math.log(2), (float) Math.log(3), (float) Math.log(4)};

    // A few roundings of numbers below 1.
    assertThat(route(2, false, logits.clone()).weights())
        .containsExactly(new float[] {0.4f, 0.3f}, within(3e-7f));
    assertThat(route(2, true, logits.clone()).weights())
        .containsExactly(new float[] {4 / 7f, 3 / 7f}, within(3e-7f));
  }

  @Test
  void tiesKeepTheLowerIndex() {
    assertThat(route(2, true, 3, 3, 3, 3).experts()).containsExactly(0, 1);
    assertThat(route(3, true, 1, 7, 2, 7, 2).experts()).containsExactly(1, 3, 2);
    assertThat(route(2, true, 3, 3, 3, 3).weights()).containsExactly(0.5f, 0.5f);
  }

  @Test
  void scoresThatVanishAreTiesToo() {
    assertThat(route(2, true, 0, -500, -400, -300).experts()).containsExactly(0, 1);
    assertThat(route(2, true, 0, -500, -400, -300).weights()).containsExactly(1, 0);
  }

  @Test
  void largeLogitsDoNotOverflow() {
    assertThat(route(2, true, 30_000, 29_999, -30_000).weights()[0])
        .isCloseTo((float) (1 / (1 + Math.exp(-1))), within(3e-7f));
  }

  @ParameterizedTest
  @ValueSource(strings = {"renorm", "raw"})
  void theToyLayerIsRoutedAsTheReferenceImplementationDoes(String gates) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    Routing routing = Routing.ofTokens(8, 2);
    TopKRouter router = router(2, gates.equals("renorm"));

    for (int token = 0; token < 8; token++) {
      router.route(floats(golden.get("logits").get(token)), routing, token);
    }

    for (int slot = 0; slot < 16; slot++) {
      int expert = routing.experts()[slot];
      assertThat(expert).isEqualTo(golden.get("topk").get(slot / 2).get(slot % 2).asInt());
      assertThat(routing.weights()[slot])
          .isCloseTo(
              (float) golden.get("gate_" + gates).get(slot / 2).get(expert).asDouble(),
              within(3e-7f));
    }
  }

  private static float[] floats(JsonNode node) {
    float[] values = new float[node.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) node.get(i).asDouble();
    }
    return values;
  }

  // Slots.

  @Test
  void slotsAreListedByExpertInAscendingOrder() {
    Routing routing = new Routing(2, new int[] {3, 1, 1, 0, 3, 1}, new float[6]);

    assertThat(routing.slotsByExpert(5))
        .isDeepEqualTo(new int[][] {{3}, {1, 2, 5}, {}, {0, 4}, {}});
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void everySlotBelongsToOneExpert(long seed) {
    int[] experts = new SplittableRandom(seed).ints(300, 0, 17).toArray();
    int[][] slots = new Routing(3, experts, new float[300]).slotsByExpert(17);

    assertThat(Arrays.stream(slots).flatMapToInt(Arrays::stream).distinct().count()).isEqualTo(300);
    for (int expert = 0; expert < 17; expert++) {
      for (int slot : slots[expert]) {
        assertThat(experts[slot]).isEqualTo(expert);
      }
    }
  }

  private static TopKRouter router(int topK, boolean renormalise) {
    return new TopKRouter(
        RouterScore.SOFTMAX, topK, Selection.BY_SCORE, new Weighting(renormalise, 0, 1));
  }
}
