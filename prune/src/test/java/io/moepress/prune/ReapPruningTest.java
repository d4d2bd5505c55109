package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.GATED_OUTPUT_NORM_SUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ReapPruningTest {
  private static final ReapPruning REAP = new ReapPruning();

  @Test
  void needsSumsAndCounts() {
    assertThat(REAP.needs()).containsExactlyInAnyOrder(GATED_OUTPUT_NORM_SUM, ROUTED_TOKENS);
    assertThat(REAP.name()).isEqualTo("reap");
  }

  @Test
  void theScoreIsTheMeanOverRoutedTokensSoASeldomExpertMayWin() {
    Question question =
        Question.about(3, "math")
            .with(0, GATED_OUTPUT_NORM_SUM, new double[] {100, 6, 30})
            .with(0, ROUTED_TOKENS, new double[] {1000, 2, 100});

    assertThat(question.scores(REAP, 0)).containsExactly(0.1, 3, 0.3);
    assertThat(question.kept(REAP, 2)).containsExactly(1, 2);
  }

  @Test
  void anExpertNoTokenReachedHasScoreZeroAndGoesFirst() {
    Question question =
        Question.about(3, "math")
            .with(0, GATED_OUTPUT_NORM_SUM, new double[] {0, 1e-300, 5})
            .with(0, ROUTED_TOKENS, new double[] {0, 1000, 5});

    assertThat(question.scores(REAP, 0)[0]).isZero();
    assertThat(question.kept(REAP, 2)).containsExactly(1, 2);
  }

  @Test
  void domainsAreAddedBeforeTheMeanIsTaken() {
    Question question =
        Question.about(1, "math", "code")
            .with(0, GATED_OUTPUT_NORM_SUM, new double[] {6}, new double[] {2})
            .with(0, ROUTED_TOKENS, new double[] {1}, new double[] {3});

    assertThat(question.scores(REAP, 0)).containsExactly(2);
  }

  @Test
  void scoresAreThoseOfTheReferenceImplementation() throws IOException {
    GoldenEvidence golden = GoldenEvidence.read();
    for (int layer = 0; layer < GoldenEvidence.LAYERS; layer++) {
      assertClose(golden.question().scores(REAP, layer), golden.numbers(layer, "reap"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"renorm", "raw"})
  void scoresAreThoseOfTheToyLayer(String gates) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    Question question =
        Question.about(4, "toy")
            .with(
                0,
                GATED_OUTPUT_NORM_SUM,
                numbers(golden.get("evidence6").get(gates).get("sum_g_norm")))
            .with(0, ROUTED_TOKENS, numbers(golden.get("evidence6").get("n")));

    assertClose(question.scores(REAP, 0), numbers(golden.get("S_family_" + gates).get("REAP")));
  }

  /// Golden numbers have eight digits.
  private static void assertClose(double[] found, double[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    for (int expert = 0; expert < expected.length; expert++) {
      assertThat(found[expert])
          .as("expert %d", expert)
          .isCloseTo(expected[expert], withPercentage(1e-5));
    }
  }

  private static double[] numbers(JsonNode node) {
    return node.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }
}
