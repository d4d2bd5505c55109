package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenSampleTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void tokensAreDistinctAndAscending(long seed) {
    int[] drawn = TokenSample.draw(1000, 100, seed);

    assertThat(drawn).hasSize(100);
    assertThat(drawn[0]).isNotNegative();
    assertThat(drawn[99]).isLessThan(1000);
    for (int i = 1; i < 100; i++) {
      assertThat(drawn[i]).isGreaterThan(drawn[i - 1]);
    }
  }

  @Test
  void theSeedDecides() {
    assertThat(TokenSample.draw(1000, 100, 7)).containsExactly(TokenSample.draw(1000, 100, 7));
    assertThat(TokenSample.draw(1000, 100, 7)).isNotEqualTo(TokenSample.draw(1000, 100, 8));
  }

  @ParameterizedTest
  @CsvSource({"10, 0, 0", "10, 10, 10", "10, 4096, 10", "1, 1, 1"})
  void noMoreIsDrawnThanThereIs(int tokens, int size, int drawn) {
    assertThat(TokenSample.draw(tokens, size, 1)).hasSize(drawn);
  }

  /// Each of 40 tokens is drawn with probability 1/4. Over 4000 seeds the count has a standard
  /// deviation of 27, so 150 is out of reach of chance.
  @Test
  void everyTokenIsEquallyLikely() {
    int[] counts = new int[40];
    for (int seed = 0; seed < 4000; seed++) {
      Arrays.stream(TokenSample.draw(40, 10, seed)).forEach(token -> counts[token]++);
    }

    for (int count : counts) {
      assertThat(count).isCloseTo(1000, within(150));
    }
  }
}
