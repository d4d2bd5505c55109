package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.Architecture.GroupScore;
import io.moepress.formats.architecture.ExpertGroups;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TopKRuleTest {

  /// In groups, a token reaches the experts of the open ones.
  @ParameterizedTest
  @CsvSource({
    "8, 16, 1, 1, 8",
    "8, 8, 1, 1, 8",
    "8, 5, 1, 1, 5",
    "8, 1, 1, 1, 1",
    "8, 16, 4, 2, 8",
    "8, 12, 4, 2, 6",
    "8, 4, 4, 2, 2",
    "8, 3, 4, 1, 1",
  })
  void fitLowersOnlyAsFarAsItMust(int topK, int kept, int groups, int open, int left) {
    ExpertGroups standing = new ExpertGroups(groups, open, GroupScore.MAX);

    assertThat(TopKRule.FIT.topK(topK, kept, standing)).isEqualTo(left);
    assertThat(TopKRule.SAME.topK(topK, kept, standing)).isEqualTo(topK);
  }

  @Test
  void aNumberIsWhatItSays() {
    assertThat(TopKRule.parse("3")).isEqualTo(new TopKRule.Lower(3));
    assertThat(TopKRule.parse("fit")).isEqualTo(TopKRule.FIT);
    assertThat(TopKRule.parse("3").topK(8, 16, ExpertGroups.NONE)).isEqualTo(3);
    assertThat(TopKRule.parse("8").topK(8, 16, ExpertGroups.NONE)).isEqualTo(8);
    assertThatExceptionOfType(PlanMismatchException.class)
        .isThrownBy(() -> TopKRule.parse("9").topK(8, 16, ExpertGroups.NONE))
        .withMessage("top-k: 9, but a token uses only 8 experts (expected at most 8)");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "1.5", "Fit", "all", "99999999999", "50%"})
  void anythingElseIsRefused(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TopKRule.parse(text))
        .withMessage("\"%s\" (expected a whole number from 1 on, or fit)", text);
  }
}
