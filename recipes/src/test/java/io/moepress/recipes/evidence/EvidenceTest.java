package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
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
            "the evidence has no routed-tokens (it has: [gate-sum, output-maximum]). Calibrate"
                + " again, with this version.");
  }

  @Test
  void aLayerWithoutStatisticsHasNone() {
    Evidence.Layer bare = new Evidence.Layer(4, Map.of());

    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> bare.byDomain(GATE_SUM))
        .withMessageContaining("it has: []");
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
}
