package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.GATED_OUTPUT_NORM_SUM;
import static io.moepress.recipes.evidence.Statistic.GATED_OUTPUT_SQUARE_SUM;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_NORM_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_SQUARE_SUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static io.moepress.recipes.evidence.Statistic.SQUARED_GATE_OUTPUT_NORM_SUM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.formats.json.Json;
import io.moepress.prune.ActivationMembers.Member;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// The family `n^−b · Σ g^α · ‖f‖^β` and its named members.
class ActivationPruningTest {
  private static final ActivationPruning REAP = member("reap");

  private static ActivationPruning member(String name) {
    return ActivationMembers.ALL.stream()
        .map(Member::method)
        .filter(method -> method.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @CsvSource({
    "frequency, 0, 0, 0",
    "gate-mass, 0, 1, 0",
    "ean, 0, 0, 1",
    "man, 1, 0, 1",
    "msan, 1, 0, 2",
    "reap, 1, 1, 1",
    "gate-norm, 0, 1, 1",
    "gate-square, 0, 2, 2",
    "reap-squared, 1, 2, 1",
  })
  void publishedScoresHaveTheirPowers(String name, double b, int alpha, int beta) {
    assertThat(member(name)).isEqualTo(new ActivationPruning(name, b, alpha, beta));
    assertThat(ActivationMembers.ALL).hasSize(9);
  }

  // Arithmetic.

  @Test
  void theSumIsDividedByAPowerOfTheTokens() {
    Question question =
        Question.about(3, "math")
            .with(0, GATED_OUTPUT_NORM_SUM, new double[] {100, 6, 30})
            .with(0, ROUTED_TOKENS, new double[] {1000, 4, 100});

    assertThat(scores(question, 0, 1, 1)).containsExactly(100, 6, 30);
    assertThat(scores(question, 1, 1, 1)).containsExactly(0.1, 1.5, 0.3);
    assertThat(scores(question, 0.5, 1, 1)[1]).isEqualTo(3);
    assertThat(scores(question, 0.5, 1, 1)[2]).isEqualTo(3);
    assertThat(question.kept(REAP, 2)).containsExactly(1, 2);
    assertThat(question.kept(member("gate-norm"), 2)).containsExactly(0, 2);
  }

  private static double[] scores(Question question, double b, int alpha, int beta) {
    return question.scores(new ActivationPruning("activation", b, alpha, beta), 0);
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
  void domainsAreAddedBeforeTheDivision() {
    Question question =
        Question.about(1, "math", "code")
            .with(0, GATED_OUTPUT_NORM_SUM, new double[] {6}, new double[] {2})
            .with(0, ROUTED_TOKENS, new double[] {1}, new double[] {3});

    assertThat(question.scores(REAP, 0)).containsExactly(2);
  }

  @Test
  void needsItsSumAndForAMeanTheTokens() {
    assertThat(REAP.needs()).containsExactlyInAnyOrder(GATED_OUTPUT_NORM_SUM, ROUTED_TOKENS);
    assertThat(member("frequency").needs()).containsExactly(ROUTED_TOKENS);
    assertThat(member("gate-mass").needs()).containsExactly(GATE_SUM);
    assertThat(member("gate-square").needs()).containsExactly(GATED_OUTPUT_SQUARE_SUM);
    assertThat(member("msan").needs()).containsExactlyInAnyOrder(OUTPUT_SQUARE_SUM, ROUTED_TOKENS);
  }

  // What cannot be.

  @ParameterizedTest
  @CsvSource({"2, 0", "1, 2", "0, 3", "3, 1", "-1, 0"})
  void powersWithoutASumAreRefusedWithThoseThatHaveOne(int alpha, int beta) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ActivationPruning("activation", 0, alpha, beta))
        .withMessage(
            "activation: alpha %d and beta %d (expected one of: alpha 0 and beta 0; alpha 1 and beta"
                + " 0; alpha 0 and beta 1; alpha 0 and beta 2; alpha 1 and beta 1; alpha 2 and beta 1;"
                + " alpha 2 and beta 2). Calibration gathers no other sums",
            alpha, beta);
  }

  @ParameterizedTest
  @CsvSource({"-0.1", "1.1", "NaN"})
  void thePowerOfTheTokensIsFromZeroToOne(double b) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ActivationPruning("activation", b, 1, 1))
        .withMessage("activation: b: %s (expected a number from 0 to 1)", b);
  }

  @Test
  void aScoreThatIsTheSameForAllIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ActivationPruning("activation", 1, 0, 0))
        .withMessageContaining("give every expert the same score");
  }

  // Golden numbers.

  @Test
  void scoresOfATrainedModelAreThoseOfTheReferenceImplementation() throws IOException {
    GoldenEvidence golden = GoldenEvidence.read();
    for (int layer = 0; layer < GoldenEvidence.LAYERS; layer++) {
      assertLayer(golden, layer, "frequency", "routed_tokens");
      assertLayer(golden, layer, "gate-mass", "gate_sum");
      assertLayer(golden, layer, "ean", "output_norm_sum");
      assertLayer(golden, layer, "gate-norm", "gated_output_norm_sum");
      assertLayer(golden, layer, "reap", "reap");
      assertLayer(golden, layer, "man", "man");
    }
  }

  private static void assertLayer(GoldenEvidence golden, int layer, String name, String key) {
    assertClose(golden.question().scores(member(name), layer), golden.numbers(layer, key));
  }

  @ParameterizedTest
  @CsvSource({
    "frequency, renorm, freq",
    "gate-mass, renorm, softcount",
    "ean, renorm, EAN_sum",
    "man, renorm, MAN",
    "msan, renorm, MSAN",
    "reap, renorm, REAP",
    "gate-norm, renorm, gate_norm_sum",
    "gate-square, renorm, sq_sum",
    "gate-mass, raw, softcount",
    "reap, raw, REAP",
    "gate-norm, raw, gate_norm_sum",
  })
  void scoresAreThoseOfTheToyLayer(String name, String gates, String key) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    JsonNode sums = golden.get("evidence6").get(gates);
    Question question =
        Question.about(4, "toy")
            .with(0, ROUTED_TOKENS, numbers(golden.get("evidence6").get("n")))
            .with(0, GATE_SUM, numbers(sums.get("sum_g")))
            .with(0, OUTPUT_NORM_SUM, numbers(sums.get("sum_norm")))
            .with(0, OUTPUT_SQUARE_SUM, numbers(sums.get("sum_norm2")))
            .with(0, GATED_OUTPUT_NORM_SUM, numbers(sums.get("sum_g_norm")))
            .with(0, GATED_OUTPUT_SQUARE_SUM, numbers(sums.get("sum_g2_norm2")));

    assertClose(
        question.scores(member(name), 0), numbers(golden.get("S_family_" + gates).get(key)));
  }

  /// REAM's saliency; its code takes the softmax over all experts for the weight.
  @Test
  void theSquaredWeightIsThatOfReam() throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    double[] sums = new double[4];
    for (int token = 0; token < golden.get("topk").size(); token++) {
      for (JsonNode chosen : golden.get("topk").get(token)) {
        int expert = chosen.asInt();
        double weight = golden.get("softmax").get(token).get(expert).asDouble();
        double norm = golden.get("out_norm_all").get(token).get(expert).asDouble();
        sums[expert] += weight * weight * norm;
      }
    }
    Question question =
        Question.about(4, "toy")
            .with(0, ROUTED_TOKENS, numbers(golden.get("evidence6").get("n")))
            .with(0, SQUARED_GATE_OUTPUT_NORM_SUM, sums);

    assertClose(
        question.scores(member("reap-squared"), 0),
        numbers(golden.get("REAM").get("saliency_S_1_2_1_softmax")));
  }

  @Test
  void everyMemberIsDescribedUnderItsName() {
    for (Member member : ActivationMembers.ALL) {
      assertThat(member.description().name()).isEqualTo(member.method().name());
      assertThat(List.of(member.description().score(), member.description().source()))
          .noneMatch(String::isBlank);
    }
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
