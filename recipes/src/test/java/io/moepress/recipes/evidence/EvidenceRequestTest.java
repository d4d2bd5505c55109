package io.moepress.recipes.evidence;

import static io.moepress.recipes.evidence.Statistic.COACTIVATION;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Which evidence answers a request, and what is measured when it does not.
class EvidenceRequestTest {

  @Test
  void routedTokensAreAlwaysCounted() {
    assertThat(EvidenceRequest.of(Set.of()).statistics()).containsExactly(ROUTED_TOKENS);
  }

  @Test
  void lessThanNoReservoirIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EvidenceRequest(Set.of(), -1, 0))
        .withMessageContaining("reservoir-tokens: -1");
  }

  @Test
  void moreThanWasAskedForIsEnough() {
    assertThat(EvidenceRequest.of(Set.of(GATE_SUM)).missingFrom(held())).isEmpty();
  }

  @Test
  void whatIsMissingIsNamed() {
    EvidenceRequest request = new EvidenceRequest(Set.of(OUTPUT_MAXIMUM, COACTIVATION), 7, 0);

    assertThat(request.missingFrom(held()))
        .containsExactly("output-maximum", "coactivation", "reservoir of 7 tokens");
  }

  @Test
  void aLargerReservoirThanTheCorpusIsAllOfIt() {
    assertThat(new EvidenceRequest(Set.of(), 4096, 0).missingFrom(held()))
        .containsExactly("reservoir of 10 tokens");
  }

  /// The evidence holds 5 of 10 tokens, drawn with seed 42; or all 10.
  @ParameterizedTest
  @CsvSource({
    "5, 42, 0, 1, true",
    "5, 42, 5, 42, true",
    "5, 42, 4, 42, true",
    "5, 42, 6, 42, false",
    "5, 42, 5, 43, false",
    "10, 42, 6, 43, true",
    "10, 42, 4096, 43, true",
    "10, , 4096, 43, true",
    "5, , 5, 42, false",
  })
  void aReservoirAnswersIfItIsAllOrDrawnAlikeAndLargeEnough(
      int held, Long heldSeed, int asked, long seed, boolean answers) {
    Evidence evidence =
        HandmadeEvidence.of("math")
            .with(1, ROUTED_TOKENS, new double[] {1})
            .with(1, reservoir(held), heldSeed)
            .evidence();

    assertThat(new EvidenceRequest(Set.of(), asked, seed).missingFrom(evidence).isEmpty())
        .isEqualTo(answers);
  }

  @Test
  void nothingThatWasThereIsLostWhenMoreIsMeasured() {
    EvidenceRequest both = new EvidenceRequest(Set.of(COACTIVATION), 0, 1).and(held());

    assertThat(both.statistics()).containsExactly(ROUTED_TOKENS, GATE_SUM, COACTIVATION);
    assertThat(both.reservoirTokens()).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "5, 42, 0, 1, 5, 42",
    "5, 42, 3, 42, 5, 42",
    "5, 42, 8, 42, 8, 42",
    "5, 42, 3, 1, 3, 1",
    "5, , 3, 1, 3, 1",
    "5, , 0, 1, 0, 1",
  })
  void theLargerOfTwoReservoirsDrawnAlikeStays(
      int held, Long heldSeed, int asked, long seed, int measured, long with) {
    Evidence evidence =
        HandmadeEvidence.of("math")
            .with(1, ROUTED_TOKENS, new double[] {1})
            .with(1, reservoir(held), heldSeed)
            .evidence();

    EvidenceRequest both = new EvidenceRequest(Set.of(), asked, seed).and(evidence);

    assertThat(both.reservoirTokens()).isEqualTo(measured);
    assertThat(both.seed()).isEqualTo(with);
  }

  private static Reservoir reservoir(int rows) {
    return new Reservoir(
        1, new int[rows], new int[rows], new float[rows], new int[rows], new float[rows]);
  }

  private static Evidence held() {
    return HandmadeEvidence.of("math")
        .with(1, ROUTED_TOKENS, new double[] {1})
        .with(1, GATE_SUM, new double[] {1})
        .evidence();
  }
}
