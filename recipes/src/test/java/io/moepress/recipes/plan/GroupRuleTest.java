package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GroupRuleTest {

  @ParameterizedTest
  @CsvSource({"15, 16", "14, 16", "13, 12", "9, 8", "7, 8", "1, 8"})
  void namesTheNearestLegalCount(int kept, int nearest) throws IOException {
    ModelLayout layout = layout("models/tiny-deepseekv3");

    assertThatThrownBy(() -> GroupRule.requireCounts(layout, uniform(layout, kept)))
        .isInstanceOf(PlanMismatchException.class)
        .hasMessageStartingWith(kept + " of 16 experts would stay in each layer (expected ")
        .hasMessageContaining("The nearest is " + nearest + ". ");
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 12, 8})
  void acceptsWhatDividesIntoTheGroups(int kept) throws IOException {
    ModelLayout layout = layout("models/tiny-deepseekv3");

    assertThatCode(() -> GroupRule.requireCounts(layout, uniform(layout, kept)))
        .doesNotThrowAnyException();
  }

  @Test
  void asksForTwoOfEachGroupOnlyWhereItsScoreIsMadeOfTwo() throws IOException {
    ModelLayout max = layout("golden/arch/deepseek_v2");

    assertThatCode(() -> GroupRule.requireCounts(max, uniform(max, 4))).doesNotThrowAnyException();
  }

  private static SortedMap<Integer, Integer> uniform(ModelLayout layout, int kept) {
    return new KeepCount(kept).counts(layout);
  }

  private static ModelLayout layout(String checkpoint) throws IOException {
    String config = Files.readString(TestData.path(checkpoint + "/config.json"));
    return ModelLayout.of(ModelConfig.parse(config));
  }
}
