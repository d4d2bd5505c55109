package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.target.Target;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeValuesTest {
  private static final DataSource MATH =
      new DataSource(Path.of("math.jsonl"), OptionalInt.empty(), "math");
  private static final RecipeStep STEP =
      new PruneStep(
          new SampleMethods.Plain("easy-ep"),
          new KeepRatio(new BigDecimal("0.5")),
          Protection.DEFAULT,
          RouterMode.SLICE);

  @Test
  void anExpertIsWrittenAsLayerAndExpert() {
    assertThat(ExpertId.parse("3:17")).isEqualTo(new ExpertId(3, 17)).hasToString("3:17");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "3", "3:", ":17", "-3:17", "3:17:1", "3: 17", "3:1234567890"})
  void anythingElseIsNoExpert(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ExpertId.parse(text))
        .withMessage("\"" + text + "\" (expected layer:expert such as 3:17)");
  }

  @Test
  void aNegativeExpertIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ExpertId(0, -1))
        .withMessage("0:-1 (expected nothing negative)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ExpertId(-1, 0))
        .withMessage("-1:0 (expected nothing negative)");
  }

  @Test
  void superExpertsAreProtectedByDefault() {
    assertThat(Protection.DEFAULT).isEqualTo(new Protection(true, List.of()));
  }

  @Test
  void anExpertIsProtectedOnce() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new Protection(true, List.of(ExpertId.parse("3:17"), new ExpertId(3, 17))))
        .withMessage("expert 3:17 is listed twice. Remove one of them");
  }

  @ParameterizedTest
  @CsvSource({
    "data/math.calibration.jsonl, math",
    "code.jsonl, code",
    "data/notes, notes",
    "data/.hidden.jsonl, .hidden.jsonl",
    "/, /",
  })
  void theDomainOfAFileIsItsNameUpToTheFirstDot(Path file, String domain) {
    assertThat(DataSource.domain(file)).isEqualTo(domain);
  }

  @Test
  void aSourceWithoutSamplesOrNameIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new DataSource(Path.of("a"), OptionalInt.of(0), "a"))
        .withMessage("samples: 0 (expected at least 1)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new DataSource(Path.of("a"), OptionalInt.empty(), " "))
        .withMessage("name: blank (expected the name of a domain)");
  }

  @Test
  void calibrationAndEvaluationNeedDataAndTokens() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CalibrationSpec(List.of(), 1, CalibrationSpec.Order.FILE))
        .withMessage("data: no file (expected at least one)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new CalibrationSpec(List.of(MATH), 0, CalibrationSpec.Order.FILE))
        .withMessage("max-tokens: 0 (expected at least 1)");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new CalibrationSpec(
                List.of(MATH), OptionalInt.empty(), 1, CalibrationSpec.Order.FILE, -1))
        .withMessage("reservoir-tokens: -1 (expected at least 0)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EvaluationSpec(List.of(), 1, List.of(), Gates.NONE))
        .withMessage("data: no file (expected at least one)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EvaluationSpec(List.of(MATH), 0, List.of(), Gates.NONE))
        .withMessage("max-tokens: 0 (expected at least 1)");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0.5, 0.5, '0.0 (expected a number above 0)'",
    "1, -1, 0.5, 0.5, '-1.0 (expected 0 or more)'",
    "1, 0, 1.5, 0.5, '1.5 (expected a number from 0 to 1)'",
    "1, 0, 0.5, -0.5, '-0.5 (expected a number from 0 to 1)'",
    "NaN, 0, 0.5, 0.5, 'NaN (expected a number above 0)'",
    "1, NaN, 0.5, 0.5, 'NaN (expected 0 or more)'",
    "1, 0, NaN, 0.5, 'NaN (expected a number from 0 to 1)'",
  })
  void aGateThatJudgesNothingIsRefused(
      double perplexity, double divergence, double agreement, double drop, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            new Gates(
                List.of(),
                OptionalDouble.of(perplexity),
                OptionalDouble.of(divergence),
                OptionalDouble.of(agreement),
                OptionalDouble.of(drop)))
        .withMessage(message);
  }

  @Test
  void aRecipeDoesSomething() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> recipe("a".repeat(64), "out", "5GB", List.of()))
        .withMessage("steps: none (expected at least one)");
  }

  @Test
  void aRecipeNeverWritesOverItsModel() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> recipe("a".repeat(64), "out/../model", "5GB", List.of(STEP)))
        .withMessage(
            "\"out/../model\" is the directory of the model (expected another one)."
                + " The model is never overwritten");
  }

  @Test
  void aRecipeKnowsItsDigestAndWritesShardsOfSomeSize() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> recipe("abc", "out", "5GB", List.of(STEP)))
        .withMessage("sha256: abc (expected 64 digits)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> recipe("a".repeat(64), "out", "0", List.of(STEP)))
        .withMessage("0B (expected more than nothing)");
  }

  @Test
  void aRecipeKeepsItsOwnList() {
    List<RecipeStep> steps = new ArrayList<>(List.of(STEP));
    Recipe recipe = recipe("a".repeat(64), "out", "5GB", steps);
    steps.clear();
    assertThat(recipe.steps()).containsExactly(STEP);
  }

  private static Recipe recipe(String sha256, String output, String size, List<RecipeStep> steps) {
    return new Recipe(
        Path.of("recipe.yaml"),
        sha256,
        Path.of("model"),
        Path.of(output),
        Target.TRANSFORMERS,
        42,
        ByteSize.parse(size),
        Optional.empty(),
        steps,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  // Mixes.

  @ParameterizedTest
  @CsvSource({
    "256, 3 1, 192 64",
    "10, 1 1 1, 4 3 3",
    "100, 0.5 0.25 0.25, 50 25 25",
    "7, 2 5, 2 5",
    "5, 1 1 1, 2 2 1",
    "3, 1.5 1 0.5, 2 1 0"
  })
  void samplesAreSharedByTheLargestRemainders(int total, String weights, String shares) {
    List<DataSource> data =
        Arrays.stream(weights.split(" "))
            .map(weight ->
                new DataSource(
                    Path.of(weight),
                    OptionalInt.empty(),
                    OptionalDouble.of(Double.parseDouble(weight)),
                    "a"))
            .toList();

    if (shares.endsWith(" 0")) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> mix(data, total))
          .withMessage("data: 0.5: its weight is worth none of 3 samples (expected at least one)");
    } else {
      assertThat(mix(data, total).counts())
          .extracting(OptionalInt::getAsInt)
          .containsExactly(
              Arrays.stream(shares.split(" ")).map(Integer::valueOf).toArray(Integer[]::new));
    }
  }

  @Test
  void aSourceIsCountedInOneWay() {
    DataSource counted = new DataSource(Path.of("a"), OptionalInt.of(5), "a");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> mix(List.of(counted), 10))
        .withMessage("data: a: samples beside the samples of all data (expected a weight)");
  }

  private static CalibrationSpec mix(List<DataSource> data, int total) {
    return new CalibrationSpec(data, OptionalInt.of(total), 512, CalibrationSpec.Order.FILE, 0);
  }
}
