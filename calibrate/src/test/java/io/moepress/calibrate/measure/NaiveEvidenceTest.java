package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.NaiveModel;
import io.moepress.calibrate.forward.NaiveModel.Visit;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Every statistic as its formula says, in float64, one token at a time, against the streaming
/// pass.
class NaiveEvidenceTest {
  private static final int EXPERTS = 7;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"1, 1, true", "2, 2, true", "3, 3, false", "4, 7, false"})
  void everyStatisticIsWhatItsFormulaSays(long seed, int topK, boolean renormalise)
      throws IOException {
    TinyMoe moe = moe(seed, topK, renormalise);
    Corpus corpus = corpus(seed);

    Evidence evidence = Measured.evidence(moe.write(folder), corpus, Measured.EVERYTHING);

    List<Visit> visits = visits(moe, renormalise, corpus);
    for (int layer = 0; layer < 2; layer++) {
      List<Visit> ofLayer = ofLayer(visits, layer);
      for (Statistic statistic : Statistic.values()) {
        if (statistic.roundedBits() > 0) {
          continue; // RoundedNetworkTest, GoldenEvidenceTest
        }
        double[][] expected = naive(statistic, ofLayer);
        double[][] found = Measured.rows(evidence.layers().get(layer), statistic);
        assertClose(statistic, found, expected);
      }
    }
  }

  /// Values are off by a few float32 roundings of sums of at most 100 terms, less than 2e-5 of the
  /// largest, and sums of such values by no more of the largest sum.
  private static void assertClose(Statistic statistic, double[][] found, double[][] expected) {
    double largest =
        Arrays.stream(expected).flatMapToDouble(Arrays::stream).map(Math::abs).max().orElseThrow();
    assertThat(largest).as("%s", statistic).isPositive();
    assertThat(found).as("%s", statistic).hasSameDimensionsAs(expected);
    for (int row = 0; row < found.length; row++) {
      assertThat(found[row])
          .as("%s, row %d", statistic, row)
          .containsExactly(expected[row], within(2e-5 * largest));
    }
  }

  private static double[][] naive(Statistic statistic, List<Visit> visits) {
    Visit first = visits.getFirst();
    int rows = statistic.isMatrix() ? EXPERTS : 1;
    int columns =
        switch (statistic.form()) {
          case EXPERTS, EXPERT_PAIRS -> EXPERTS;
          case HIDDEN -> first.input().length;
          case INTERMEDIATE -> first.intermediates()[0].length;
        };
    double[][] values = new double[rows][columns];
    for (Visit visit : visits) {
      for (int slot = 0; slot < visit.chosen().length; slot++) {
        addSlot(statistic, visit, slot, values);
      }
      addToken(statistic, visit, values);
    }
    return values;
  }

  /// What a token adds for one of the experts it chose.
  private static void addSlot(Statistic statistic, Visit visit, int slot, double[][] values) {
    int j = visit.chosen()[slot];
    double g = visit.weights()[slot];
    double[] f = visit.outputs()[slot];
    double norm = norm(f);
    switch (statistic) {
      case ROUTED_TOKENS -> values[0][j] += 1;
      case GATE_SUM -> values[0][j] += g;
      case ROUTER_SCORE_SUM -> values[0][j] += visit.scores()[j];
      case OUTPUT_NORM_SUM -> values[0][j] += norm;
      case OUTPUT_SQUARE_SUM -> values[0][j] += norm * norm;
      case GATED_OUTPUT_NORM_SUM -> values[0][j] += g * norm;
      case SQUARED_GATE_OUTPUT_NORM_SUM -> values[0][j] += g * g * norm;
      case GATED_OUTPUT_SQUARE_SUM -> values[0][j] += g * g * norm * norm;
      case EASY_EP_SUM -> values[0][j] += g * norm * turn(visit);
      case OUTPUT_MAXIMUM ->
          values[0][j] =
              Math.max(values[0][j], Arrays.stream(f).map(Math::abs).max().orElseThrow());
      case COACTIVATION -> Arrays.stream(visit.chosen()).forEach(i -> values[i][j] += 1);
      case OUTPUT_SUM -> add(values[j], f, 1);
      case INPUT_SQUARE_SUM -> add(values[j], visit.input(), 2);
      case GATED_INPUT_SQUARE_SUM -> add(values[j], times(g, visit.input()), 2);
      case GATED_INTERMEDIATE_SQUARE_SUM ->
          add(values[j], times(g, visit.intermediates()[slot]), 2);
      case INTERMEDIATE_SQUARE_SUM -> add(values[j], visit.intermediates()[slot], 2);
      case ROUNDING_ERROR_1,
          ROUNDING_ERROR_2,
          ROUNDING_ERROR_3,
          ROUNDING_ERROR_4,
          ROUNDING_ERROR_5,
          ROUNDING_ERROR_6,
          ROUNDING_ERROR_7,
          ROUNDING_ERROR_8 -> {} // RoundedNetworkTest
      case ROUTER_LOGIT_SUM, ROUTER_LOGIT_GRAM -> {}
      case RESERVOIR_OUTPUT_SUM, RESERVOIR_OUTPUT_COSINE_SUM -> {}
    }
  }

  /// What a token adds whatever it chose.
  private static void addToken(Statistic statistic, Visit visit, double[][] values) {
    double[] z = visit.logits();
    if (statistic == Statistic.ROUTER_LOGIT_SUM) {
      add(values[0], z, 1);
    } else if (statistic == Statistic.ROUTER_LOGIT_GRAM) {
      for (int i = 0; i < z.length; i++) {
        for (int j = 0; j < z.length; j++) {
          values[i][j] += z[i] * z[j];
        }
      }
    } else if (statistic == Statistic.RESERVOIR_OUTPUT_SUM) { // the reservoir holds all tokens
      for (int j = 0; j < values.length; j++) {
        add(values[j], visit.everyOutput()[j], 1);
      }
    } else if (statistic == Statistic.RESERVOIR_OUTPUT_COSINE_SUM) {
      addCosines(visit.everyOutput(), values);
    }
  }

  private static void addCosines(double[][] outputs, double[][] values) {
    for (int i = 0; i < outputs.length; i++) {
      for (int j = 0; j < outputs.length; j++) {
        double product = 0;
        for (int at = 0; at < outputs[i].length; at++) {
          product += outputs[i][at] * outputs[j][at];
        }
        values[i][j] += product / norm(outputs[i]) / norm(outputs[j]);
      }
    }
  }

  private static void add(double[] sums, double[] values, int power) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += Math.pow(values[i], power);
    }
  }

  private static double[] times(double factor, double[] values) {
    return Arrays.stream(values).map(value -> factor * value).toArray();
  }

  private static double turn(Visit visit) {
    double[] h = visit.residual();
    double[] after = h.clone();
    for (int slot = 0; slot < visit.chosen().length; slot++) {
      for (int i = 0; i < after.length; i++) {
        after[i] += visit.weights()[slot] * visit.outputs()[slot][i];
      }
    }
    double product = 0;
    for (int i = 0; i < h.length; i++) {
      product += h[i] * after[i];
    }
    return Math.max(0, 1 - product / norm(h) / norm(after));
  }

  private static double norm(double[] vector) {
    return Math.sqrt(Arrays.stream(vector).map(value -> value * value).sum());
  }

  // The reservoir.

  @ParameterizedTest
  @CsvSource({"1, 5", "2, 20", "3, 50", "4, 1000"})
  void theReservoirHoldsInputsAndChoicesOfTheSameTokensInEveryLayer(long seed, int size)
      throws IOException {
    TinyMoe moe = moe(seed, 3, true);
    Corpus corpus = corpus(seed);
    EvidenceRequest request = new EvidenceRequest(EnumSet.noneOf(Statistic.class), size, seed);

    Evidence evidence = Measured.evidence(moe.write(folder), corpus, request);

    List<Visit> visits = visits(moe, true, corpus);
    int[] drawn = TokenSample.draw(corpus.tokens(), size, seed);
    assertThat(evidence.sampling())
        .isEqualTo(new Evidence.Sampling(Math.min(size, corpus.tokens()), seed));
    for (int layer = 0; layer < 2; layer++) {
      List<Visit> ofLayer = ofLayer(visits, layer);
      Reservoir reservoir = evidence.layers().get(layer).reservoir();
      assertThat(reservoir.tokens()).containsExactly(drawn);
      for (int row = 0; row < drawn.length; row++) {
        Visit visit = ofLayer.get(drawn[row]);
        assertThat(reservoir.domains()[row]).isEqualTo(corpus.domainOfTokens()[drawn[row]]);
        assertThat(reservoir.input(row)).containsExactly(floats(visit.input()), within(2e-5f));
        assertThat(Arrays.copyOfRange(reservoir.experts(), 3 * row, 3 * row + 3))
            .containsExactly(visit.chosen());
        assertThat(Arrays.copyOfRange(reservoir.weights(), 3 * row, 3 * row + 3))
            .containsExactly(floats(visit.weights()), within(2e-5f));
      }
    }
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static TinyMoe moe(long seed, int topK, boolean renormalise) {
    return TinyMoe.qwen3()
        .seed(seed)
        .experts(EXPERTS)
        .topK(topK)
        .config("norm_topk_prob", String.valueOf(renormalise));
  }

  private static Corpus corpus(long seed) {
    return Corpora.of(Corpora.random(seed, 32, 20, 9), Corpora.random(seed + 50, 32, 15, 1));
  }

  private static List<Visit> visits(TinyMoe moe, boolean renormalise, Corpus corpus) {
    NaiveModel model = new NaiveModel(moe, Integer.MAX_VALUE, renormalise);
    for (TokenSequence sequence : corpus.sequences()) {
      model.logits(sequence.ids());
    }
    return model.visits();
  }

  private static List<Visit> ofLayer(List<Visit> visits, int layer) {
    return visits.stream().filter(visit -> visit.layer() == layer).toList();
  }
}
