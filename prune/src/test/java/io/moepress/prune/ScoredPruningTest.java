package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.KeepExperts;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What all methods that rank experts have in common.
class ScoredPruningTest {
  private static final ScoredPruning FREQUENCY = ActivationMembers.FREQUENCY;

  private static Question counts(double... tokens) {
    return Question.about(ROUTED_TOKENS, tokens);
  }

  @Test
  void theHighestScoresStayInAscendingOrderOfIndices() {
    assertThat(counts(3, 9, 1, 7, 5).kept(FREQUENCY, 3)).containsExactly(1, 3, 4);
  }

  @Test
  void aStepTellsMethodRouterAndEveryScore() {
    assertThat(counts(3, 9, 1).guard(0, 2).ask(FREQUENCY, 2))
        .containsExactly(
            new KeepExperts(
                0, "frequency", "slice", List.of(1, 2), List.of(2), List.of(3.0, 9.0, 1.0)));
  }

  @Test
  void tiesKeepTheLowerIndex() {
    assertThat(counts(5, 5, 5, 5).kept(FREQUENCY, 2)).containsExactly(0, 1);
    assertThat(counts(1, 5, 7, 5).kept(FREQUENCY, 2)).containsExactly(1, 2);
    assertThat(counts(0, 0, 0).kept(FREQUENCY, 1)).containsExactly(0);
  }

  @Test
  void anExpertNoTokenReachedGoesFirst() {
    assertThat(counts(0, 5, 1, 3).kept(FREQUENCY, 3)).containsExactly(1, 2, 3);
  }

  @Test
  void everyLayerDecidesForItself() {
    Question question =
        Question.about(3, "math")
            .with(1, ROUTED_TOKENS, new double[] {9, 1, 5})
            .with(3, ROUTED_TOKENS, new double[] {1, 900, 500});

    assertThat(question.ask(FREQUENCY, 2))
        .extracting(KeepExperts::layer, KeepExperts::kept)
        .containsExactly(tuple(1, List.of(0, 2)), tuple(3, List.of(1, 2)));
  }

  // Guarded experts.

  @Test
  void guardedExpertsStayWhateverTheirScore() {
    assertThat(counts(9, 8, 7, 1).guard(0, 3).kept(FREQUENCY, 2)).containsExactly(0, 3);
    assertThat(counts(9, 8, 7, 1).guard(0, 2, 3).kept(FREQUENCY, 2)).containsExactly(2, 3);
  }

  @Test
  void aGuardOfAnotherLayerDoesNotCount() {
    assertThat(counts(9, 8, 7, 1).guard(1, 3).kept(FREQUENCY, 2)).containsExactly(0, 1);
  }

  @Test
  void guardedExpertsCountAmongThoseThatStay() {
    assertThat(counts(9, 8, 7, 1).guard(0, 0).kept(FREQUENCY, 2)).containsExactly(0, 1);
  }

  @Test
  void moreGuardedExpertsThanMayStayAreAnError() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> counts(9, 8, 7, 1).guard(0, 1, 2, 3).ask(FREQUENCY, 2))
        .withMessage(
            "layer 0: 3 experts are protected ([1, 2, 3]), but only 2 may stay of experts 0 to 3."
                + " Keep more, or protect fewer.");
  }

  // What cannot be ranked.

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void aScoreThatIsNoNumberIsAnErrorAndNotARank(double score) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> counts(9, score, 7).ask(FREQUENCY, 2))
        .withMessage(
            "frequency: layer 0: the score of expert 1 is %s. The evidence is damaged; calibrate"
                + " again.",
            score);
  }

  static Stream<ScoredPruning> measured() {
    return Stream.concat(
        Stream.of(new EasyEpPruning()),
        ActivationMembers.ALL.stream().map(ActivationMembers.Member::method));
  }

  static Stream<ScoredPruning> all() {
    return Stream.concat(measured(), Stream.of(new RandomPruning(3)));
  }

  @ParameterizedTest
  @MethodSource("measured")
  void aMissingStatisticIsNamed(ScoredPruning method) {
    assertThatExceptionOfType(MissingEvidenceException.class)
        .isThrownBy(() -> Question.withoutEvidence(4, 0).ask(method, 2))
        .withMessageContaining("the evidence has no ");
  }

  /// A method that reads more than it says it needs fails only after an hour of calibration.
  @ParameterizedTest
  @MethodSource("all")
  void whatAMethodSaysItNeedsIsEnough(ScoredPruning method) {
    Question question = Question.withoutEvidence(4, 0);
    if (!method.needs().isEmpty()) {
      question = Question.about(4, "math");
      for (Statistic statistic : method.needs()) {
        question.with(0, statistic, new double[] {4, 3, 2, 1});
      }
    }

    assertThat(question.kept(method, 3)).hasSize(3);
  }

  // Properties.

  @ParameterizedTest
  @MethodSource("all")
  void keepingMoreKeepsAllOfTheFewer(ScoredPruning method) {
    for (long seed = 1; seed <= 10; seed++) {
      Question question = random(seed, identity(16));
      List<Integer> fewer = List.of();
      for (int count = 1; count <= 16; count++) {
        List<Integer> more = question.kept(method, count);
        assertThat(more).as("seed %d", seed).hasSize(count).containsAll(fewer);
        fewer = more;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("measured")
  void permutedExpertsArePermutedScoresAndTheSameExpertsStay(ScoredPruning method) {
    for (long seed = 1; seed <= 10; seed++) {
      List<Integer> permutation = new ArrayList<>(identity(16));
      Collections.shuffle(permutation, new Random(seed));
      Question question = random(seed, identity(16));
      Question permuted = random(seed, permutation);

      double[] scores = question.scores(method, 0);
      double[] found = permuted.scores(method, 0);
      for (int expert = 0; expert < 16; expert++) {
        // The sum over a domain that scores are divided by is taken in another order.
        assertThat(found[expert])
            .as("seed %d, expert %d", seed, expert)
            .isCloseTo(scores[permutation.get(expert)], withPercentage(16 * 1.2e-14));
      }
      assertThat(permuted.kept(method, 7).stream().map(permutation::get).sorted())
          .as("seed %d", seed)
          .containsExactlyElementsOf(question.kept(method, 7));
    }
  }

  private static List<Integer> identity(int experts) {
    return IntStream.range(0, experts).boxed().toList();
  }

  /// Expert `i` has what would be the evidence of expert `permutation[i]`.
  private static Question random(long seed, List<Integer> permutation) {
    SplittableRandom random = new SplittableRandom(seed);
    Question question = Question.about(permutation.size(), "math", "code");
    for (Statistic statistic : Statistic.defaults()) {
      double[][] values = new double[2][];
      for (int domain = 0; domain < 2; domain++) {
        double[] drawn = random.doubles(permutation.size(), 1, 100).toArray();
        values[domain] = permutation.stream().mapToDouble(expert -> drawn[expert]).toArray();
      }
      question.with(0, statistic, values);
    }
    return question;
  }
}
