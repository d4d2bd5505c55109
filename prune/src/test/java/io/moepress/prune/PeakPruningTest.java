package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.example.PeakPruning;
import org.junit.jupiter.api.Test;

/// The example of `docs/extending.md`.
class PeakPruningTest {
  private static Question peaks() {
    return Question.about(4, "math", "code")
        .with(0, ROUTED_TOKENS, new double[] {9, 1, 0, 4}, new double[] {0, 0, 0, 5})
        .with(0, OUTPUT_MAXIMUM, new double[] {2, 8, 0, 1}, new double[] {0, 0, 0, 5});
  }

  @Test
  void theLargestOutputOfAnyDomainCounts() {
    assertThat(peaks().scores(new PeakPruning(0), 0)).containsExactly(2, 8, 0, 5);
    assertThat(peaks().kept(new PeakPruning(0), 2)).containsExactly(1, 3);
  }

  @Test
  void expertsThatAreSeldomSeenGoFirst() {
    assertThat(peaks().kept(new PeakPruning(2), 2)).containsExactly(0, 3);
  }

  @Test
  void aNegativeNumberOfTokens() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PeakPruning(-1))
        .withMessage("least: -1 (expected 0 or more)");
  }
}
