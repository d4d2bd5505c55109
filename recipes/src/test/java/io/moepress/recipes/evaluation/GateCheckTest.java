package io.moepress.recipes.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.Comparison;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Gates;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateCheckTest {

  // Each gate and its boundary.

  @ParameterizedTest
  @CsvSource({"12.5, 1.25, true", "12.500000000000002, 1.25, false", "9, 1, true", "11, 1, false"})
  void perplexityMayGrowByTheRatio(double perplexity, double limit, boolean passed) {
    assertThat(check(gates(limit, null, null, null), text("math", 10), text("math", perplexity)))
        .containsExactly(new Outcome("perplexity-ratio", "math", perplexity / 10, limit, passed));
  }

  /// Differences of doubles are off in the last place: 0.55 − 0.45 is more than 0.1.
  @ParameterizedTest
  @CsvSource({
    "55, 45, 0.1, true",
    "55, 44, 0.1, false",
    "90, 80, 0.1, true",
    "29, 22, 0.07, true",
    "29, 21, 0.07, false",
    "50, 60, 0, true",
    "50, 50, 0, true",
    "50, 49, 0, false",
  })
  void accuracyMayDropByAShareOfTheQuestions(
      long before, long after, double limit, boolean passed) {
    assertThat(check(gates(null, null, null, limit), questions(before), questions(after)))
        .containsExactly(
            new Outcome("accuracy-drop", "math", (before - after) / 100.0, limit, passed));
  }

  @ParameterizedTest
  @CsvSource({"0.05, true", "0.05000000000000001, false", "0, true", "NaN, false"})
  void theDivergenceHasALargestValue(double divergence, boolean passed) {
    Evaluation after = compared("math", new Comparison(divergence, 1));

    assertThat(check(gates(null, 0.05, null, null), text("math", 10), after))
        .containsExactly(new Outcome("kl-divergence", "math", divergence, 0.05, passed));
  }

  @ParameterizedTest
  @CsvSource({"0.9, true", "0.8999999999999999, false", "1, true", "NaN, false"})
  void theAgreementHasASmallestValue(double agreement, boolean passed) {
    Evaluation after = compared("math", new Comparison(0, agreement));

    assertThat(check(gates(null, null, 0.9, null), text("math", 10), after))
        .containsExactly(new Outcome("top1-agreement", "math", agreement, 0.9, passed));
  }

  @Test
  void aPerplexityThatOverflowsMissesTheGate() {
    Evaluation overflown = text("math", Double.POSITIVE_INFINITY);

    assertThat(check(gates(2.0, null, null, null), overflown, overflown))
        .extracting(Outcome::passed, Outcome::text)
        .containsExactly(tuple(false, "math: perplexity-ratio = NaN, limit 2.0000: missed"));
  }

  // Which files are judged.

  @Test
  void everyFileIsJudgedByItself() {
    List<Outcome> outcomes =
        GateCheck.check(
            spec(gates(2.0, null, null, null), "math", "code"),
            texts(corpus("math", 10, null), corpus("code", 10, null)),
            texts(corpus("math", 30, null), corpus("code", 11, null)));

    assertThat(outcomes)
        .extracting(Outcome::file, Outcome::passed)
        .containsExactly(tuple("math", false), tuple("code", true));
  }

  @Test
  void filesThatTheGatesDoNotNameAreNotJudged() {
    Gates onlyCode =
        new Gates(
            List.of("code"),
            OptionalDouble.of(2),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty());

    List<Outcome> outcomes =
        GateCheck.check(
            spec(onlyCode, "math", "code"),
            texts(corpus("math", 10, null), corpus("code", 10, null)),
            texts(corpus("math", 30, null), corpus("code", 11, null)));

    assertThat(outcomes).extracting(Outcome::file).containsExactly("code");
  }

  @Test
  void withoutGatesNothingIsJudged() {
    assertThat(check(Gates.NONE, text("math", 10), compared("math", new Comparison(9, 0))))
        .isEmpty();
  }

  /// A gate that is passed over in silence would let anything through.
  @Test
  void aGateWithNothingToJudgeIsMissed() {
    Evaluation nothing = new Evaluation(List.of(), List.of(), null);

    List<Outcome> outcomes = check(gates(1.5, 0.1, 0.9, 0.1), nothing, nothing);

    assertThat(outcomes)
        .extracting(Outcome::gate)
        .containsExactly("perplexity-ratio", "kl-divergence", "top1-agreement", "accuracy-drop");
    assertThat(outcomes).noneMatch(Outcome::passed);
    assertThat(outcomes.getFirst().text())
        .isEqualTo("no file of its kind: perplexity-ratio = NaN, limit 1.5000: missed");
  }

  @Test
  void aGateOnQuestionsIsMissedWhereThereAreOnlyTexts() {
    assertThat(check(gates(2.0, null, null, 0.1), text("math", 10), text("math", 10)))
        .extracting(Outcome::gate, Outcome::passed)
        .containsExactly(tuple("perplexity-ratio", true), tuple("accuracy-drop", false));
  }

  @Test
  void anOutcomeIsOneLineForPeople() {
    assertThat(new Outcome("perplexity-ratio", "math.jsonl", 1.23456, 1.25, true).text())
        .isEqualTo("math.jsonl: perplexity-ratio = 1.2346, limit 1.2500: passed");
    assertThat(new Outcome("kl-divergence", "math.jsonl", 0.2, 0.1, false).text())
        .isEqualTo("math.jsonl: kl-divergence = 0.2000, limit 0.1000: missed");
  }

  private static List<Outcome> check(Gates gates, Evaluation before, Evaluation after) {
    return GateCheck.check(spec(gates, "math"), before, after);
  }

  private static EvaluationSpec spec(Gates gates, String... names) {
    List<DataSource> data =
        Arrays.stream(names)
            .map(name -> new DataSource(Path.of(name), OptionalInt.empty(), name))
            .toList();
    return new EvaluationSpec(data, 512, List.of(), gates);
  }

  private static Gates gates(
      @Nullable Double perplexityRatio,
      @Nullable Double klDivergence,
      @Nullable Double top1Agreement,
      @Nullable Double accuracyDrop) {
    return new Gates(
        List.of(),
        optional(perplexityRatio),
        optional(klDivergence),
        optional(top1Agreement),
        optional(accuracyDrop));
  }

  private static OptionalDouble optional(@Nullable Double value) {
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static Evaluation text(String file, double perplexity) {
    return texts(corpus(file, perplexity, null));
  }

  private static Evaluation compared(String file, Comparison comparison) {
    return texts(corpus(file, 10, comparison));
  }

  private static Evaluation texts(CorpusScore... corpora) {
    return new Evaluation(List.of(corpora), List.of(), null);
  }

  private static CorpusScore corpus(
      String file, double perplexity, @Nullable Comparison comparison) {
    return new CorpusScore(file, 3, 100, 100 * Math.log(perplexity), perplexity, comparison);
  }

  private static Evaluation questions(long correct) {
    double accuracy = correct / 100.0;
    return new Evaluation(
        List.of(), List.of(new ChoiceScore("math", 100, correct, accuracy, accuracy)), null);
  }
}
