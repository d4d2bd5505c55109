package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.Statistic.COACTIVATION;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EvidenceTest {

  private static final Evidence TWO_DOMAINS =
      HandmadeEvidence.of("math", "code")
          .with(1, GATE_SUM, new double[] {1, 0, 0.5}, new double[] {2, 4, 0.25})
          .with(1, OUTPUT_MAXIMUM, new double[] {3, 0, 5}, new double[] {2, 0, 7})
          .evidence();

  private static Evidence.Layer layer() {
    return TWO_DOMAINS.layers().get(1);
  }

  @Test
  void sumsOfDomainsAreAdded() {
    assertThat(layer().total(GATE_SUM)).containsExactly(3, 4, 0.75);
  }

  @Test
  void ofMaximaTheLargestStays() {
    assertThat(layer().total(OUTPUT_MAXIMUM)).containsExactly(3, 0, 7);
  }

  @Test
  void domainsStayApart() {
    assertThat(layer().byDomain(GATE_SUM))
        .isDeepEqualTo(new double[][] {{1, 0, 0.5}, {2, 4, 0.25}});
  }

  @Test
  void whatWasReadOutMayBeChangedWithoutChangingTheEvidence() {
    Arrays.fill(layer().total(GATE_SUM), -1);
    Arrays.fill(layer().byDomain(GATE_SUM)[0], -1);

    assertThat(layer().byDomain(GATE_SUM)[0]).containsExactly(1, 0, 0.5);
    assertThat(layer().total(GATE_SUM)).containsExactly(3, 4, 0.75);
  }

  @Test
  void layersCannotBeChanged() {
    assertThatThrownBy(() -> TWO_DOMAINS.layers().clear())
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> layer().values().clear())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void tokensOfAllDomainsAreCounted() {
    assertThat(TWO_DOMAINS.tokens()).isEqualTo(20);
  }

  @Test
  void aMissingStatisticIsNamedTogetherWithWhatIsThere() {
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> layer().total(ROUTED_TOKENS))
        .withMessage(
            "the evidence has no routed-tokens (it has: gate-sum, output-maximum). Calibrate"
                + " again, with --statistics default,routed-tokens.");
  }

  @Test
  void everythingThatIsMissingIsNamedAtOnce() {
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() ->
            TWO_DOMAINS.requireHeld(new EvidenceRequest(Set.of(COACTIVATION, GATE_SUM), 9, 0)))
        .withMessage(
            "the evidence has no routed-tokens, coactivation, reservoir (it has: gate-sum,"
                + " output-maximum). Calibrate again, with --statistics"
                + " default,routed-tokens,coactivation --reservoir-tokens 4096.");
  }

  @Test
  void nothingIsSaidOfEvidenceThatHoldsMore() {
    HandmadeEvidence evidence =
        HandmadeEvidence.of("math")
            .with(1, ROUTED_TOKENS, new double[] {1})
            .with(1, GATE_SUM, new double[] {1})
            .with(
                1,
                new Reservoir(1, new int[1], new int[1], new float[1], new int[1], new float[1]),
                7L);

    evidence.evidence().requireHeld(new EvidenceRequest(Set.of(GATE_SUM), 4096, 42));
  }

  @Test
  void whatOneLayerLacksTheEvidenceLacks() {
    Evidence evidence =
        HandmadeEvidence.of("math")
            .with(1, GATE_SUM, new double[] {1})
            .with(1, COACTIVATION, new double[] {1})
            .with(2, GATE_SUM, new double[] {1})
            .evidence();

    assertThat(evidence.statistics()).containsExactly(GATE_SUM);
    assertThat(evidence.layers().get(1).statistics()).containsExactly(GATE_SUM, COACTIVATION);
  }

  // Matrices.

  @Test
  void matricesAreReadOutAsCopies() {
    Evidence.Layer layer =
        HandmadeEvidence.of("math")
            .with(1, COACTIVATION, new double[] {2, 1}, new double[] {1, 3})
            .evidence()
            .layers()
            .get(1);

    Arrays.fill(layer.matrix(COACTIVATION)[0], -1);

    assertThat(layer.experts()).isEqualTo(2);
    assertThat(layer.matrix(COACTIVATION)).isDeepEqualTo(new double[][] {{2, 1}, {1, 3}});
  }

  @Test
  void aMissingMatrixOrReservoirIsNamed() {
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> layer().matrix(COACTIVATION))
        .withMessageContainingAll("has no coactivation", "--statistics default,coactivation.");
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> layer().reservoir())
        .withMessageContainingAll("has no reservoir", "with --reservoir-tokens 4096.");
  }

  @Test
  void matricesAndNumbersAreNotConfused() {
    assertThatIllegalArgumentException().isThrownBy(() -> layer().byDomain(COACTIVATION));
    assertThatIllegalArgumentException().isThrownBy(() -> layer().matrix(GATE_SUM));
    double[][] rows = {{1}};
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Evidence.Layer(1, Map.of(COACTIVATION, rows)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new LargeParts.InMemory(Map.of(GATE_SUM, rows), null));
  }

  @Test
  void aLayerWithoutStatisticsHasNone() {
    Evidence.Layer bare = new Evidence.Layer(4, Map.of());

    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> bare.byDomain(GATE_SUM))
        .withMessageContaining("it has: )");
  }

  @ParameterizedTest
  @EnumSource
  void everyStatisticIsFoundByItsLabel(Statistic statistic) {
    assertThat(Statistic.named(statistic.label())).contains(statistic);
  }

  @Test
  void labelsAreSpelledWithDashes() {
    assertThat(Statistic.GATED_OUTPUT_NORM_SUM.label()).isEqualTo("gated-output-norm-sum");
    assertThat(Statistic.named("GATE_SUM")).isEmpty();
  }

  @Test
  void whatIsGatheredByDefaultIsSmall() {
    assertThat(Statistic.defaults())
        .contains(ROUTED_TOKENS, OUTPUT_MAXIMUM, Statistic.EASY_EP_SUM)
        .doesNotContain(Statistic.ROUTER_LOGIT_SUM)
        .noneMatch(Statistic::isMatrix);
  }
}
