package io.moepress.prune;

import static io.moepress.recipes.evidence.Statistic.EASY_EP_SUM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.plan.KeepExperts;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class EasyEpPruningTest {
  private static final EasyEpPruning EASY_EP = new EasyEpPruning();

  @Test
  void needsTheProductThatIsFormedTokenByToken() {
    assertThat(EASY_EP.needs()).containsExactly(EASY_EP_SUM);
    assertThat(EASY_EP.name()).isEqualTo("easy-ep");
  }

  @Test
  void ofOneDomainTheScoreIsTheSum() {
    assertThat(Question.about(EASY_EP_SUM, 0.5, 4, 0).scores(EASY_EP, 0))
        .containsExactly(0.5, 4, 0);
  }

  /// The long domain alone would keep experts 0 and 1. Each domain has one vote:
  ///
  /// ```
  /// math  600 300   0 100  of 1000:  0.6 0.3 0.0 0.1
  /// code    0   1   8   1  of   10:  0.0 0.1 0.8 0.1
  /// mean                             0.3 0.2 0.4 0.1
  /// ```
  @Test
  void ofSeveralDomainsNoneOutvotesAnotherByItsLength() {
    double[] math = {600, 300, 0, 100};
    double[] code = {0, 1, 8, 1};
    Question question = Question.about(4, "math", "code").with(0, EASY_EP_SUM, math, code);

    // A quotient and a sum of two: each within an ulp or so of numbers below 1.
    assertThat(question.scores(EASY_EP, 0))
        .containsExactly(new double[] {0.3, 0.2, 0.4, 0.1}, within(1e-15));
    assertThat(question.kept(EASY_EP, 2)).containsExactly(0, 2);
    assertThat(Question.about(EASY_EP_SUM, 600, 301, 8, 101).kept(EASY_EP, 2))
        .containsExactly(0, 1);
  }

  @Test
  void layersAreNormalisedByThemselves() {
    Question question =
        Question.about(2, "math", "code")
            .with(0, EASY_EP_SUM, new double[] {9, 1}, new double[] {0, 5})
            .with(1, EASY_EP_SUM, new double[] {900, 100}, new double[] {0, 0.05});

    assertThat(question.scores(EASY_EP, 1))
        .containsExactly(question.scores(EASY_EP, 0), within(1e-15));
  }

  @Test
  void aDomainThatSaysNothingInALayerIsNoVote() {
    Question question =
        Question.about(3, "math", "code")
            .with(0, EASY_EP_SUM, new double[] {1, 2, 1}, new double[] {0, 0, 0});

    assertThat(question.scores(EASY_EP, 0)).containsExactly(0.125, 0.25, 0.125);
  }

  /// Calibrating on every text twice doubles each sum.
  @Test
  void theSameTextsTwiceKeepTheSameExperts() {
    double[] once = {0.3, 7, 0, 2.5, 2.4999};
    double[] twice = {0.6, 14, 0, 5, 4.9998};

    for (int count = 1; count <= 5; count++) {
      assertThat(Question.about(EASY_EP_SUM, twice).kept(EASY_EP, count))
          .isEqualTo(Question.about(EASY_EP_SUM, once).kept(EASY_EP, count));
    }
  }

  @Test
  void keepsWhatTheReferenceImplementationKeeps() throws IOException {
    GoldenEvidence golden = GoldenEvidence.read();

    List<KeepExperts> steps = golden.question().ask(EASY_EP, 4);

    assertThat(steps).extracting(KeepExperts::layer).containsExactly(0, 1, 2, 3);
    for (int layer = 0; layer < GoldenEvidence.LAYERS; layer++) {
      assertThat(steps.get(layer).kept())
          .containsExactly(golden.indices(layer, "easy_ep_keep_half"));
      assertThat(steps.get(layer).scores())
          .isEqualTo(Arrays.stream(golden.numbers(layer, "easy_ep")).boxed().toList());
    }
  }
}
