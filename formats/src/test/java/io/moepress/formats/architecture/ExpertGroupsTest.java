package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.Architecture.GroupScore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExpertGroupsTest {
  /// The groups of DeepSeek-V3: 256 experts, 8 for each token.
  private static final ExpertGroups LARGE = new ExpertGroups(8, 4, GroupScore.SUM_OF_TWO_LARGEST);

  @ParameterizedTest
  @CsvSource({"256, true", "16, true", "24, true", "8, false", "20, false", "0, false"})
  void fitMultiplesThatLeaveAChoice(int experts, boolean expected) {
    assertThat(LARGE.fit(experts, 8)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({"128, 128", "127, 128", "125, 128", "124, 128", "123, 120", "1, 16", "300, 256"})
  void nameTheNearestCountThatFits(int wanted, int expected) {
    assertThat(LARGE.nearest(wanted, 256, 8)).isEqualTo(expected);
    assertThat(LARGE.fit(expected, 8)).isTrue();
  }

  @Test
  void needOneOfEachWhereTheBestSpeaksForItsGroup() {
    ExpertGroups groups = new ExpertGroups(4, 2, GroupScore.MAX);

    assertThat(groups.fit(4, 2)).isTrue();
    assertThat(groups.fit(4, 3)).isFalse();
  }

  @Test
  void restrictNothingWhenAllStandTogether() {
    assertThat(ExpertGroups.NONE.size(7)).isEqualTo(7);
    assertThat(ExpertGroups.NONE.fit(2, 2)).isTrue();
    assertThat(ExpertGroups.NONE.fit(1, 2)).isFalse();
  }
}
