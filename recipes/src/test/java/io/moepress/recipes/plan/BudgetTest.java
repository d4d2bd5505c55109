package io.moepress.recipes.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.testdata.TinyMoe;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetTest {

  @ParameterizedTest
  @CsvSource({
    "50%, 32, 16",
    "0.5, 32, 16",
    "50%, 7, 4",
    "75%, 128, 96",
    "33%, 3, 1",
    "34%, 3, 2",
    "1%, 8, 1",
    "100%, 8, 8",
    "1, 8, 8",
    "99.9%, 8, 8",
    "0.000000000000000001, 8, 1",
  })
  void aRatioKeepsWhatRoundingTheDroppedDownLeaves(String ratio, int experts, int kept) {
    assertThat(KeepRatio.parse(ratio).kept(experts)).isEqualTo(kept);
  }

  /// With doubles, (1 − 0.9) · 10 is a little less than 1 and nothing would be dropped.
  @Test
  void aRatioIsExact() {
    assertThat(KeepRatio.parse("90%").kept(10)).isEqualTo(9);
    assertThat(KeepRatio.parse("0.7").kept(10)).isEqualTo(7);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aLargerRatioNeverKeepsFewer(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int trial = 0; trial < 1000; trial++) {
      int experts = random.nextInt(1, 513);
      int low = random.nextInt(1, 10_001);
      int high = random.nextInt(low, 10_001);
      assertThat(tenThousandths(high).kept(experts))
          .isGreaterThanOrEqualTo(tenThousandths(low).kept(experts));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aRatioKeepsAtLeastItsShareAndLessThanOneMore(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int trial = 0; trial < 1000; trial++) {
      int experts = random.nextInt(1, 513);
      int ratio = random.nextInt(1, 10_001);
      int kept = tenThousandths(ratio).kept(experts);
      assertThat(kept).isBetween(1, experts);
      assertThat(10_000 * kept).isBetween(ratio * experts, ratio * experts + 9_999);
    }
  }

  private static KeepRatio tenThousandths(int ratio) {
    return new KeepRatio(BigDecimal.valueOf(ratio, 4));
  }

  @Test
  void equalRatiosAreEqualHoweverTheyAreWritten() {
    assertThat(KeepRatio.parse("50%")).isEqualTo(KeepRatio.parse("0.500"));
    assertThat(KeepRatio.parse("0.500")).hasToString("50%");
    assertThat(KeepRatio.parse("100%")).hasToString("100%");
    assertThat(KeepRatio.parse("12.5%")).hasToString("12.5%");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0%   | 0% would leave no expert (expected more than 0% and at most 100%)",
        "0.0  | 0% would leave no expert (expected more than 0% and at most 100%)",
        "-5%  | -5% (expected more than 0% and at most 100%)",
        "-0.5 | -50% (expected more than 0% and at most 100%)",
        "101% | 101% (expected more than 0% and at most 100%)",
        "half | \"half\" (expected a ratio such as 50% or 0.5)",
        "5e-1 | \"5e-1\" (expected a ratio such as 50% or 0.5)",
        "50 % | \"50 %\" (expected a ratio such as 50% or 0.5)",
      })
  void ratiosOutOfRangeAreRefused(String ratio, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KeepRatio.parse(ratio))
        .withMessage(message);
  }

  @Test
  void aForgottenPercentSignIsPointedOut() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KeepRatio.parse("50"))
        .withMessage(
            "50 (expected a ratio such as 50% or 0.5)."
                + " Write \"keep: 50%\" for a share, or \"experts: 50\" for a count");
  }

  @Test
  void aRatioOfNoExpertsIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KeepRatio.parse("50%").kept(0))
        .withMessage("0 experts (expected at least 1)");
  }

  @Test
  void aCountKeepsItself() {
    assertThat(new KeepCount(16).kept(32)).isEqualTo(16);
    assertThat(new KeepCount(16).kept(16)).isEqualTo(16);
    assertThat(new KeepCount(16)).hasToString("16");
  }

  @Test
  void aCountBeyondTheLayerIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCount(16).kept(8))
        .withMessage("16 experts to keep, but the layer has only 8");
  }

  // Numbers for each layer.

  @Test
  void aListGivesEachLayerWithExpertsItsOwnNumber() {
    ModelLayout layout = layout(TinyMoe.qwen3().layers(4).config("mlp_only_layers", "[1]"));

    assertThat(new KeepCounts(List.of(4, 2, 3)).counts(layout)).isEqualTo(Map.of(0, 4, 2, 2, 3, 3));
    assertThat(new KeepCounts(List.of(4, 2, 3))).hasToString("[4, 2, 3]");
  }

  @Test
  void oneBudgetHoldsForEveryLayerWhateverItHas() {
    ModelLayout layout = layout(TinyMoe.qwen3().config("num_local_experts", "[8, 4]"));

    assertThat(KeepRatio.parse("50%").counts(layout)).isEqualTo(Map.of(0, 4, 1, 2));
    assertThat(new KeepCount(3).counts(layout)).isEqualTo(Map.of(0, 3, 1, 3));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCount(5).counts(layout))
        .withMessage("5 experts to keep, but the layer has only 4");
  }

  @Test
  void aListThatDoesNotFitIsRefused() {
    ModelLayout layout = layout(TinyMoe.qwen3());

    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCounts(List.of(4, 2, 3)).counts(layout))
        .withMessage(
            "experts: a list of 3 numbers (expected one for each of the 2 layers with experts, [0,"
                + " 1])");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCounts(List.of(4, 5)).counts(layout))
        .withMessage("5 experts to keep in layer 1, but it has only 4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCounts(List.of(4, 0)))
        .withMessage("0 (expected at least 1 for each layer)");
  }

  private static ModelLayout layout(TinyMoe moe) {
    return ModelLayout.of(ModelConfig.parse(moe.configJson()));
  }

  @Test
  void aCountThatLeavesNothingIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCount(0))
        .withMessage("0 would leave no expert (expected at least 1)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KeepCount(-3))
        .withMessage("-3 (expected at least 1)");
  }
}
