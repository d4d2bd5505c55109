package io.moepress.calibrate.measure;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.Routing;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LayerKeeper;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Passes made by hand, so that every sum is known in closed form.
class EvidenceCollectorTest {

  /// One token in the direction (1, 0), one of two experts chosen with weight 1.
  ///
  /// ```
  /// output (0, 1): turned by 45°     1 · 1 · (1 − 1/√2) = 0.292893
  /// output (1, 0): not turned        0
  /// output (−2, 0): turned around    1 · 2 · 2 = 4
  /// ```
  @ParameterizedTest
  @CsvSource({
    "0, 1, 0.2928932188134524",
    "1, 0, 0",
    "-2, 0, 4",
    "-0.5, 0, 0",
    "0, 0, 0",
  })
  void theScoreOfOneTokenInClosedForm(float x, float y, double score) throws IOException {
    float norm = (float) Math.hypot(x, y);
    Evidence.Layer layer =
        collect(
            Corpora.of(new int[] {0}),
            new Routing(1, new int[] {1}, new float[] {1}),
            new float[] {norm},
            new float[][] {{1, 0}},
            new float[][] {{x, y}});

    // A square root and a handful of products in float64.
    assertThat(layer.total(Statistic.EASY_EP_SUM))
        .containsExactly(new double[] {0, score}, within(1e-15));
  }

  /// A change of a thousandth turns by half a millionth: too little for a cosine in float32.
  @Test
  void theSmallDifferenceFromOneIsNotLost() throws IOException {
    Evidence.Layer layer =
        collect(
            Corpora.of(new int[] {0}),
            new Routing(1, new int[] {0}, new float[] {1}),
            new float[] {1},
            new float[][] {{1, 0}},
            new float[][] {{0, 0.001f}});

    double exact = 1 - 1 / Math.sqrt(1 + (double) 0.001f * 0.001f);
    assertThat(layer.total(Statistic.EASY_EP_SUM)[0]).isCloseTo(exact, within(1e-15));
  }

  @Test
  void withoutAResidualStreamEveryDirectionIsNew() throws IOException {
    Evidence.Layer layer =
        collect(
            Corpora.of(new int[] {0}),
            new Routing(1, new int[] {0}, new float[] {0.5f}),
            new float[] {3},
            new float[][] {{0, 0}},
            new float[][] {{0, 1.5f}});

    assertThat(layer.total(Statistic.EASY_EP_SUM)).containsExactly(1.5, 0);
  }

  /// Two tokens, two experts each. The tokens are turned by 90° and 180°, which 1 − cos tells as 1
  /// and 2.
  @Test
  void everyStatisticIsSummedOverTheTokensOfItsExpert() throws IOException {
    Evidence.Layer layer =
        collect(
            Corpora.of(new int[] {0, 0}),
            new Routing(
                2,
                new int[] {0, 1, 1, 0},
                new float[] {0.75f, 0.25f, 0.5f, 0.5f},
                new float[] {0.5f, 0.125f, 0.25f, 0.25f}),
            new float[] {4, 2, 8, 1},
            new float[][] {{1, 0}, {1, 0}},
            new float[][] {{-1, 1}, {-3, 0}});

    assertThat(layer.total(Statistic.ROUTED_TOKENS)).containsExactly(2, 2);
    assertThat(layer.total(Statistic.GATE_SUM)).containsExactly(1.25, 0.75);
    assertThat(layer.total(Statistic.ROUTER_SCORE_SUM)).containsExactly(0.75, 0.375);
    assertThat(layer.total(Statistic.OUTPUT_NORM_SUM)).containsExactly(5, 10);
    assertThat(layer.total(Statistic.OUTPUT_SQUARE_SUM)).containsExactly(16 + 1, 4 + 64);
    assertThat(layer.total(Statistic.GATED_OUTPUT_NORM_SUM)).containsExactly(3.5, 4.5);
    assertThat(layer.total(Statistic.SQUARED_GATE_OUTPUT_NORM_SUM))
        .containsExactly(0.5625 * 4 + 0.25, 0.0625 * 2 + 0.25 * 8);
    assertThat(layer.total(Statistic.GATED_OUTPUT_SQUARE_SUM)).containsExactly(9 + 0.25, 0.25 + 16);
    assertThat(layer.total(Statistic.EASY_EP_SUM)).containsExactly(3 * 1 + 0.5 * 2, 0.5 + 4 * 2.0);
    assertThat(layer.total(Statistic.OUTPUT_MAXIMUM)).containsExactly(4, 8);
  }

  @Test
  void domainsAreKeptApart() throws IOException {
    Corpus corpus = Corpora.of(List.of(new int[] {0}), List.of(new int[] {0}, new int[] {0}));
    Evidence.Layer layer =
        collect(
            corpus,
            new Routing(1, new int[] {0, 0, 1}, new float[] {1, 0.5f, 0.25f}),
            new float[] {1, 2, 3},
            new float[][] {{1, 0}, {1, 0}, {1, 0}},
            new float[][] {{0, 0}, {0, 0}, {0, 0}});

    assertThat(layer.byDomain(Statistic.GATE_SUM))
        .isDeepEqualTo(new double[][] {{1, 0}, {0.5, 0.25}});
    assertThat(layer.byDomain(Statistic.OUTPUT_MAXIMUM))
        .isDeepEqualTo(new double[][] {{1, 0}, {2, 3}});
  }

  @ParameterizedTest
  @ValueSource(strings = {"renorm", "raw"})
  void sumsAreThoseOfTheToyLayer(String gates) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    int[] experts = new int[16];
    float[] weights = new float[16];
    float[] norms = new float[16];
    for (int slot = 0; slot < 16; slot++) {
      int token = slot / 2;
      experts[slot] = golden.get("topk").get(token).get(slot % 2).asInt();
      weights[slot] = (float) golden.get("gate_" + gates).get(token).get(experts[slot]).asDouble();
      norms[slot] = (float) golden.get("out_norm_all").get(token).get(experts[slot]).asDouble();
    }

    Evidence.Layer layer =
        collect(
            Corpora.of(new int[8]),
            new Routing(2, experts, weights),
            norms,
            new float[8][4],
            new float[8][4]);

    if (gates.equals("raw")) {
      for (int expert = 0; expert < 4; expert++) {
        // S(1,2,1) with the softmax as it is
        double mean =
            layer.total(Statistic.SQUARED_GATE_OUTPUT_NORM_SUM)[expert]
                / layer.total(Statistic.ROUTED_TOKENS)[expert];
        JsonNode saliency = golden.get("REAM").get("saliency_S_1_2_1_softmax");
        assertThat(mean).isCloseTo(saliency.get(expert).asDouble(), within(4e-6));
      }
    }
    JsonNode sums = golden.get("evidence6").get(gates);
    for (int expert = 0; expert < 4; expert++) {
      assertThat(layer.total(Statistic.ROUTED_TOKENS)[expert])
          .isEqualTo(golden.get("evidence6").get("n").get(expert).asDouble());
      // Eight float32 inputs of a few units, each off by up to 2⁻²⁴ of itself.
      assertThat(layer.total(Statistic.GATE_SUM)[expert])
          .isCloseTo(sums.get("sum_g").get(expert).asDouble(), within(1e-6));
      assertThat(layer.total(Statistic.OUTPUT_NORM_SUM)[expert])
          .isCloseTo(sums.get("sum_norm").get(expert).asDouble(), within(4e-6));
      assertThat(layer.total(Statistic.GATED_OUTPUT_NORM_SUM)[expert])
          .isCloseTo(sums.get("sum_g_norm").get(expert).asDouble(), within(4e-6));
      // Squares of up to 6, so twice the error and six times the number.
      assertThat(layer.total(Statistic.OUTPUT_SQUARE_SUM)[expert])
          .isCloseTo(sums.get("sum_norm2").get(expert).asDouble(), within(5e-5));
      assertThat(layer.total(Statistic.GATED_OUTPUT_SQUARE_SUM)[expert])
          .isCloseTo(sums.get("sum_g2_norm2").get(expert).asDouble(), within(5e-5));
    }
  }

  /// What is collected in a layer of as many experts as the routing names, at least two. The
  /// largest element of an output is taken to be its norm.
  private static Evidence.Layer collect(
      Corpus corpus, Routing routing, float[] norms, float[][] residual, float[][] output)
      throws IOException {
    int experts = 2;
    for (int expert : routing.experts()) {
      experts = Math.max(experts, expert + 1);
    }
    EvidenceCollector collector =
        new EvidenceCollector(
            corpus, EvidenceRequest.of(Statistic.defaults()), LayerKeeper.IN_MEMORY);
    assertThat(collector.wants()).isEmpty();
    try (HiddenStates before = states(residual);
        HiddenStates change = states(output)) {
      collector.observe(
          new MoePass(
              3,
              experts,
              routing,
              norms,
              norms,
              before,
              before,
              change,
              Map.of(),
              sink -> {
                throw new IllegalStateException("nobody asked for logits");
              },
              tokens -> {
                throw new IllegalStateException("nobody asked for all outputs");
              },
              widths -> {
                throw new IllegalStateException("nobody asked for rounding");
              },
              (expert, sink) -> {
                throw new IllegalStateException("nobody asked for activations");
              }));
    }
    assertThat(collector.layers()).containsOnlyKeys(3);
    return collector.layers().get(3);
  }

  private static HiddenStates states(float[][] rows) {
    HiddenStates states = HiddenStates.inMemory(rows.length, rows[0].length);
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < rows[row].length; i++) {
        states.row(row).setAtIndex(JAVA_FLOAT, i, rows[row][i]);
      }
    }
    return states;
  }
}
