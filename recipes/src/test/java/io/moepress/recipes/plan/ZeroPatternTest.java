package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ZeroPatternTest {

  /// In float64, 100 · 0.29 is less than 29.
  @ParameterizedTest
  @CsvSource({
    "40%, 10, 4",
    "0.4, 10, 4",
    "29%, 100, 29",
    "0.29, 100, 29",
    "50%, 5, 2",
    "1%, 99, 0",
    "0%, 7, 0",
    "99.999%, 7, 6",
    "2:4, 8, 4",
    "1:4, 8, 2",
    "3:8, 8, 3"
  })
  void soManyWeightsOfARowBecomeZero(String pattern, int columns, long zeros) {
    assertThat(ZeroPattern.parse(pattern).zerosOfRow(columns)).isEqualTo(zeros);
  }

  @ParameterizedTest
  @ValueSource(strings = {"40%", "38.4521%", "0%", "2:4", "1:1024"})
  void whatIsWrittenReadsBack(String text) {
    assertThat(ZeroPattern.parse(text)).hasToString(text);
    assertThat(ZeroPattern.parse(ZeroPattern.parse(text).toString()))
        .isEqualTo(ZeroPattern.parse(text));
  }

  @Test
  void equalSharesAreEqualHoweverTheyAreWritten() {
    assertThat(ZeroPattern.parse("0.40")).isEqualTo(ZeroPattern.parse("40%"));
  }

  @Test
  void runsWantRowsOfWholeRuns() {
    assertThat(ZeroPattern.parse("2:4").fits(12)).isTrue();
    assertThat(ZeroPattern.parse("2:4").fits(14)).isFalse();
    assertThat(ZeroPattern.parse("40%").fits(7)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"100%", "1", "-5%", "half", "4:2", "0:4", "2:2", "1:9999", "", "2:", "40 %"})
  void nothingElseIsAPattern(String text) {
    assertThatIllegalArgumentException().isThrownBy(() -> ZeroPattern.parse(text));
  }
}
