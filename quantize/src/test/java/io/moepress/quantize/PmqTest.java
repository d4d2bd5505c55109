package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitBudget;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PmqTest {
  /// Layer 5 of Mixtral-8x7B, as its authors publish it.
  private static final double[] FREQUENCY = {
    61779, 68147, 62765, 66210, 64575, 63649, 66832, 70331
  };

  private static final double[] SCORE = {
    19302.273, 19972.092, 17198.664, 19976.711, 18671.52, 19325.371, 19776.039, 20784.594
  };

  private static final double[][] ERROR = {
    {3079.025, 2407.498, 972.62},
    {2966.848, 2355.488, 947.586},
    {2723.759, 2190.311, 886.933},
    {2762.63, 2245.679, 907.022},
    {2898.1, 2301.71, 930.733},
    {3124.163, 2519.733, 1016.742},
    {2963.359, 2368.099, 947.212},
    {3141.832, 2487.408, 1001.656}
  };

  private static CheckpointDirectory checkpoint;
  private static MoeModel model;
  private static Workers workers;
  private static Golden golden;

  @BeforeAll
  static void open() throws IOException {
    checkpoint = CheckpointDirectory.open(Golden.MODEL);
    model = MoeModel.of(checkpoint);
    workers = new Workers(2);
    golden = Golden.read();
  }

  @AfterAll
  static void close() throws IOException {
    checkpoint.close();
    workers.close();
  }

  @ParameterizedTest
  @CsvSource({
    "1, 12, 2 2 1 1 1 1 1 3",
    "1, 16, 2 3 1 1 1 2 3 3",
    "1, 20, 2 3 1 3 2 3 3 3",
    "2, 16, 2 3 1 1 1 3 2 3",
    "2, 20, 3 3 1 2 2 3 3 3",
  })
  void theWidthsOfTheAuthorsFollow(double gamma, int bits, String expected) {
    BitAllocation found =
        allocate(new Pmq(1, 1.5, gamma, 2), published(FREQUENCY, SCORE, ERROR), bits);

    assertThat(Golden.bits(found)).isEqualTo(widths(expected));
    assertThat(found.codeBits()).isEqualTo(bits * weights());
  }

  @ParameterizedTest
  @ValueSource(ints = {12, 16, 20})
  void theWidthsOfASmallTrainedModelFollow(int bits) {
    BitAllocation found = allocate(Pmq.DEFAULT, golden.pmqEvidence(), bits);

    for (int layer = 0; layer < 4; layer++) {
      assertThat(found.byLayer().get(layer))
          .as("layer %d", layer)
          .isEqualTo(Golden.integers(golden.pmq(layer).get("bits").get(String.valueOf(bits))));
    }
  }

  @Test
  void multiplyingAllNumbersOfAKindChangesNothing() {
    List<Integer> widths = widths("2 3 1 1 1 2 3 3");

    assertThat(Golden.bits(allocate(Pmq.DEFAULT, published(times(FREQUENCY), SCORE, ERROR), 16)))
        .isEqualTo(widths);
    assertThat(Golden.bits(allocate(Pmq.DEFAULT, published(FREQUENCY, times(SCORE), ERROR), 16)))
        .isEqualTo(widths);
    double[][] errors = Arrays.stream(ERROR).map(PmqTest::times).toArray(double[][]::new);
    assertThat(Golden.bits(allocate(Pmq.DEFAULT, published(FREQUENCY, SCORE, errors), 16)))
        .isEqualTo(widths);
  }

  /// With room for 3 bits everywhere, one expert still has to have 2: whom that hurts least.
  @Test
  void withBitsForEveryoneOneExpertHasTheSecondWidth() {
    BitCosts costs = costs(Pmq.DEFAULT, published(FREQUENCY, SCORE, ERROR));
    int cheapest = 0;
    for (int i = 1; i < 8; i++) {
      cheapest = lost(costs, i) < lost(costs, cheapest) ? i : cheapest;
    }

    List<Integer> found = Golden.bits(Pmq.DEFAULT.allocate(costs, limits(24)));

    for (int i = 0; i < 8; i++) {
      assertThat(found.get(i)).isEqualTo(i == cheapest ? 2 : 3);
    }
  }

  private static double lost(BitCosts costs, int expert) {
    List<Double> of = costs.items().get(expert).costs();
    return of.get(1) - of.get(2);
  }

  @Test
  void aLayerNeedsBitsForOneExpertAtEachOfTheTwoLargestWidths() {
    Evidence evidence = published(FREQUENCY, SCORE, ERROR);

    assertThat(allocate(Pmq.DEFAULT, evidence, 11).averageBits()).isEqualTo(11 / 8.0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> allocate(Pmq.DEFAULT, evidence, 10))
        .withMessageStartingWith("layer 0: 1.25 bits");
    assertThat(Golden.bits(allocate(new Pmq(1, 1.5, 1, 0), evidence, 10)))
        .containsOnlyOnce(3)
        .doesNotContain(2);
    assertThat(Golden.bits(allocate(new Pmq(1, 1.5, 1, 0), evidence, 8))).containsOnly(1);
  }

  @Test
  void anExpertThatNoTokenReachedGetsTheLeast() {
    double[] frequency = FREQUENCY.clone();
    double[] score = SCORE.clone();
    double[][] errors = Arrays.stream(ERROR).map(double[]::clone).toArray(double[][]::new);
    frequency[7] = 0;
    score[7] = 0;
    errors[7] = new double[3];

    for (int bits = 11; bits <= 22; bits++) {
      assertThat(Golden.bits(allocate(Pmq.DEFAULT, published(frequency, score, errors), bits)))
          .as("%d bits", bits)
          .last()
          .isEqualTo(1);
    }
  }

  @Test
  void nothingIsKnownOfWidthsThatWereNotMeasured() {
    assertThat(Pmq.DEFAULT.needs(List.of(2, 4)))
        .containsExactlyInAnyOrder(
            Statistic.ROUTED_TOKENS,
            Statistic.ROUTER_SCORE_SUM,
            Statistic.ROUNDING_ERROR_2,
            Statistic.ROUNDING_ERROR_4);
    BitRequest request = new BitRequest(model, golden.pmqEvidence(), List.of(2, 3, 4), 0, workers);

    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> Pmq.DEFAULT.costs(request))
        .withMessageContaining("rounding-error-4");
  }

  @Test
  void weightsAreThoseOfTheThreeMatrices() {
    assertThat(weights()).isEqualTo(3L * 128 * 256);
  }

  @Test
  void powersBelowZeroAreErrors() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Pmq(-1, 1, 1, 2))
        .withMessageContaining("a power of -1.0 (expected 0 or more)");
    assertThatIllegalArgumentException().isThrownBy(() -> new Pmq(1, 1, Double.NaN, 2));
    assertThatIllegalArgumentException().isThrownBy(() -> new Pmq(1, 1, 1, -1));
  }

  private static BitAllocation allocate(Pmq pmq, Evidence evidence, int bits) {
    return pmq.allocate(costs(pmq, evidence), limits(bits));
  }

  private static BitCosts costs(Pmq pmq, Evidence evidence) {
    return pmq.costs(new BitRequest(model, evidence, pmq.defaultWidths(), 0, workers));
  }

  /// @param bits of the eight experts of a layer
  private static BitLimits limits(int bits) {
    return new BitLimits(
        new BitBudget.Average(bits / 8.0), BitScope.LAYER, BitGranularity.EXPERT, new TreeSet<>());
  }

  private static long weights() {
    return costs(Pmq.DEFAULT, published(FREQUENCY, SCORE, ERROR)).items().getFirst().weights();
  }

  private static Evidence published(double[] frequency, double[] score, double[][] errors) {
    return new Evidence(
        "", 512, List.of(), new TreeMap<>(Map.of(0, Golden.layer(frequency, score, errors))));
  }

  private static double[] times(double[] values) {
    return Arrays.stream(values).map(value -> 123.4 * value).toArray();
  }

  private static List<Integer> widths(String text) {
    return Stream.of(text.split(" ")).map(Integer::valueOf).toList();
  }
}
