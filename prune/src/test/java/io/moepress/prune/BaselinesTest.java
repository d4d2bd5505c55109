package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.recipes.plan.KeepExperts;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BaselinesTest {

  // Frequency and gate mass.

  @Test
  void frequencyCountsTokensOfAllDomains() {
    Question question =
        Question.about(3, "math", "code")
            .with(0, ROUTED_TOKENS, new double[] {5, 0, 1}, new double[] {0, 4, 9});

    assertThat(question.scores(ActivationMembers.FREQUENCY, 0)).containsExactly(5, 4, 10);
    assertThat(question.kept(ActivationMembers.FREQUENCY, 2)).containsExactly(0, 2);
    assertThat(ActivationMembers.FREQUENCY.needs()).containsExactly(ROUTED_TOKENS);
  }

  @Test
  void gateMassAddsWeightsOfAllDomains() {
    Question question =
        Question.about(3, "math", "code")
            .with(0, GATE_SUM, new double[] {0.5, 0, 0.25}, new double[] {0, 1, 0.5});

    assertThat(question.scores(ActivationMembers.GATE_MASS, 0)).containsExactly(0.5, 1, 0.75);
    assertThat(question.kept(ActivationMembers.GATE_MASS, 2)).containsExactly(1, 2);
    assertThat(ActivationMembers.GATE_MASS.needs()).containsExactly(GATE_SUM);
  }

  @Test
  void scoresAreThoseOfTheReferenceImplementation() throws IOException {
    GoldenEvidence golden = GoldenEvidence.read();
    for (int layer = 0; layer < GoldenEvidence.LAYERS; layer++) {
      assertThat(golden.question().scores(ActivationMembers.FREQUENCY, layer))
          .isEqualTo(golden.numbers(layer, "routed_tokens"));
      assertThat(golden.question().scores(ActivationMembers.GATE_MASS, layer))
          .isEqualTo(golden.numbers(layer, "gate_sum"));
    }
  }

  // Random.

  @Test
  void lotsNeedNoEvidence() {
    assertThat(new RandomPruning(1).needs()).isEmpty();
    assertThat(Question.withoutEvidence(8, 0, 2).ask(new RandomPruning(1), 3))
        .extracting(KeepExperts::layer)
        .containsExactly(0, 2);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, -1, 42})
  void theSameSeedDrawsTheSameLots(long seed) {
    Question question = Question.withoutEvidence(32, 0, 1, 2);

    assertThat(question.ask(new RandomPruning(seed), 8))
        .isEqualTo(question.ask(new RandomPruning(seed), 8));
  }

  @Test
  void aLayersLotsDoNotDependOnTheOtherLayers() {
    Question alone = Question.withoutEvidence(32, 2);
    Question among = Question.withoutEvidence(32, 0, 1, 2, 3);

    assertThat(alone.ask(new RandomPruning(7), 8).getFirst())
        .isEqualTo(among.ask(new RandomPruning(7), 8).get(2));
  }

  /// Nowhere does the same lot turn up twice, be it shifted: not for another expert, another layer
  /// or another seed.
  @Test
  void everySeedAndLayerDrawsItsOwnLots() {
    Set<Double> lots = new HashSet<>();
    int drawn = 0;
    for (long seed = -5; seed < 5; seed++) {
      for (int layer = 0; layer < 10; layer++) {
        double[] scores =
            Question.withoutEvidence(64, layer).scores(new RandomPruning(seed), layer);
        Arrays.stream(scores).forEach(lots::add);
        drawn += scores.length;
      }
    }

    assertThat(lots).hasSize(drawn).allMatch(lot -> lot >= 0 && lot < 1);
  }

  /// The mean of 16,000 lots is 1/2, with a standard deviation of √(1/12 / 16,000) = 0.00228.
  @Test
  void lotsAreFair() {
    double mean =
        DoubleStream.iterate(0, layer -> layer < 250, layer -> layer + 1)
            .flatMap(layer ->
                Arrays.stream(
                    Question.withoutEvidence(64, (int) layer)
                        .scores(new RandomPruning(42), (int) layer)))
            .average()
            .orElseThrow();

    assertThat(mean).isBetween(0.5 - 4 * 0.00228, 0.5 + 4 * 0.00228);
  }
}
