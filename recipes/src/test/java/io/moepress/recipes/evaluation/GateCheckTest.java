package io.moepress.recipes.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.moepress.recipes.evaluation.Evaluation.ChoiceScore;
import io.moepress.recipes.evaluation.Evaluation.Comparison;
import io.moepress.recipes.evaluation.Evaluation.CorpusScore;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.recipe.Gates;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateCheckTest {

  @ParameterizedTest
  @CsvSource({"12.5, 1.25, true", "12.500000000000002, 1.25, false", "9, 1, true", "11, 1, false"})
  void perplexityMayGrowByTheRatio(double perplexity, double limit, boolean passed) {
    List<Outcome> outcomes =
        GateCheck.check(gates(limit, null, null, null), texts(10, null), texts(perplexity, null));

    assertThat(outcomes)
        .containsExactly(
            new Outcome("perplexity-ratio", "math.jsonl", perplexity / 10, limit, passed));
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
    List<Outcome> outcomes =
        GateCheck.check(gates(null, null, null, limit), questions(before), questions(after));

    assertThat(outcomes)
        .containsExactly(
            new Outcome(
                "accuracy-drop", "math.choices.jsonl", (before - after) / 100.0, limit, passed));
  }

  @ParameterizedTest
  @CsvSource({"0.05, true", "0.05000000000000001, false", "0, true", "NaN, false"})
  void theDivergenceHasALargestValue(double divergence, boolean passed) {
    Evaluation after = texts(10, new Comparison(divergence, 1));

    assertThat(GateCheck.check(gates(null, 0.05, null, null), texts(10, null), after))
        .containsExactly(new Outcome("kl-divergence", null, divergence, 0.05, passed));
  }

  @ParameterizedTest
  @CsvSource({"0.9, true", "0.8999999999999999, false", "1, true", "NaN, false"})
  void theAgreementHasASmallestValue(double agreement, boolean passed) {
    Evaluation after = texts(10, new Comparison(0, agreement));

    assertThat(GateCheck.check(gates(null, null, 0.9, null), texts(10, null), after))
        .containsExactly(new Outcome("top1-agreement", null, agreement, 0.9, passed));
  }

  @Test
  void everyFileIsJudgedByItself() {
    Evaluation before = evaluation(List.of(text("a", 10), text("b", 10)), List.of(), null);
    Evaluation after = evaluation(List.of(text("a", 30), text("b", 11)), List.of(), null);

    assertThat(GateCheck.check(gates(2.0, null, null, null), before, after))
        .extracting(Outcome::file, Outcome::passed)
        .containsExactly(tuple("a", false), tuple("b", true));
  }

  @Test
  void withoutGatesNothingIsJudged() {
    assertThat(GateCheck.check(Gates.NONE, texts(10, null), texts(99, new Comparison(9, 0))))
        .isEmpty();
  }

  @Test
  void aPerplexityThatOverflowsMissesTheGate() {
    Outcome outcome =
        GateCheck.check(
                gates(2.0, null, null, null),
                texts(Double.POSITIVE_INFINITY, null),
                texts(Double.POSITIVE_INFINITY, null))
            .getFirst();

    assertThat(outcome.passed()).isFalse();
    assertThat(outcome.text()).isEqualTo("perplexity-ratio math.jsonl NaN (missed: 2.0000)");
  }

  /// A gate that is passed over in silence would let anything through.
  @Test
  void aGateWithNothingToJudgeByIsMissed() {
    Evaluation nothing = evaluation(List.of(), List.of(), null);

    List<Outcome> outcomes = GateCheck.check(gates(1.5, 0.1, 0.9, 0.1), nothing, nothing);

    assertThat(outcomes)
        .extracting(Outcome::gate)
        .containsExactlyInAnyOrder(
            "perplexity-ratio", "accuracy-drop", "kl-divergence", "top1-agreement");
    assertThat(outcomes).noneMatch(Outcome::passed);
    assertThat(outcomes.getFirst().text())
        .isEqualTo(
            "perplexity-ratio missed: nothing to judge by (expected evaluation data of its kind)");
  }

  @Test
  void anOutcomeIsOneLineForPeople() {
    assertThat(new Outcome("perplexity-ratio", "math.jsonl", 1.23456, 1.25, true).text())
        .isEqualTo("perplexity-ratio math.jsonl 1.2346 (within 1.2500)");
    assertThat(new Outcome("kl-divergence", null, 0.2, 0.1, false).text())
        .isEqualTo("kl-divergence 0.2000 (missed: 0.1000)");
  }

  private static Gates gates(
      @Nullable Double perplexityRatio,
      @Nullable Double klDivergence,
      @Nullable Double top1Agreement,
      @Nullable Double accuracyDrop) {
    return new Gates(
        optional(perplexityRatio),
        optional(klDivergence),
        optional(top1Agreement),
        optional(accuracyDrop));
  }

  private static OptionalDouble optional(@Nullable Double value) {
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static Evaluation texts(double perplexity, @Nullable Comparison comparison) {
    return evaluation(List.of(text("math.jsonl", perplexity)), List.of(), comparison);
  }

  private static Evaluation questions(long correct) {
    double accuracy = correct / 100.0;
    return evaluation(
        List.of(),
        List.of(new ChoiceScore("math.choices.jsonl", 100, correct, accuracy, accuracy)),
        null);
  }

  private static CorpusScore text(String file, double perplexity) {
    return new CorpusScore(file, 3, 100, 100 * Math.log(perplexity), perplexity);
  }

  private static Evaluation evaluation(
      List<CorpusScore> corpora, List<ChoiceScore> choices, @Nullable Comparison comparison) {
    return new Evaluation(corpora, choices, comparison);
  }
}
