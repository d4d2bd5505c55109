package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.forward.TopKRouter.Selection;
import io.moepress.calibrate.forward.TopKRouter.Weighting;
import io.moepress.formats.architecture.Architecture.RouterScore;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RouterGradientTest {
  private static final double[] LOGITS = {0.3, -1.2, 2.0, 0.9, 1.1, -0.4};
  private static final int[] CHOSEN = {2, 4, 3};
  private static final double[] OF_WEIGHTS = {0.7, -1.3, 2.1};
  private static final double STEP = 1e-5;

  /// Central differences in float64: wrong by some `STEP²`, and by rounding of 1e-16 / STEP.
  @ParameterizedTest
  @CsvSource({
    "SOFTMAX, false, 0, 1",
    "SOFTMAX, true, 0, 1",
    "SIGMOID, true, 0.01, 2.5",
    "SIGMOID, false, 0, 2.5",
    "SOFTMAX_OF_CHOSEN, false, 0, 1",
    "SOFTMAX_OF_CHOSEN, true, 0, 1",
  })
  void isTheSlopeOfTheWeights(RouterScore score, boolean renormalise, float epsilon, float scale) {
    Weighting weighting = new Weighting(renormalise, epsilon, scale);
    TopKRouter router = new TopKRouter(score, CHOSEN.length, Selection.BY_SCORE, weighting);

    double[] gradient = new RouterGradient(router).ofLogits(LOGITS, CHOSEN, OF_WEIGHTS);

    for (int expert = 0; expert < LOGITS.length; expert++) {
      double up = loss(router, moved(expert, STEP));
      double down = loss(router, moved(expert, -STEP));
      assertThat(gradient[expert])
          .as("expert %d", expert)
          .isCloseTo((up - down) / (2 * STEP), within(1e-8));
    }
  }

  private static double[] moved(int expert, double step) {
    double[] logits = LOGITS.clone();
    logits[expert] += step;
    return logits;
  }

  /// `Σ_T ∂L/∂g · g`, the weights as the router makes them.
  private static double loss(TopKRouter router, double[] logits) {
    double[] values = new double[CHOSEN.length];
    double all = 0;
    double chosen = 0;
    for (double logit : logits) {
      all += Math.exp(logit);
    }
    for (int expert : CHOSEN) {
      chosen += Math.exp(logits[expert]);
    }
    double sum = router.weighting().epsilon();
    for (int slot = 0; slot < CHOSEN.length; slot++) {
      double logit = logits[CHOSEN[slot]];
      values[slot] =
          switch (router.score()) {
            case SOFTMAX -> Math.exp(logit) / all;
            case SIGMOID -> 1 / (1 + Math.exp(-logit));
            case SOFTMAX_OF_CHOSEN -> Math.exp(logit) / chosen;
          };
      sum += values[slot];
    }
    double loss = 0;
    for (int slot = 0; slot < CHOSEN.length; slot++) {
      double divisor = router.weighting().renormalise() ? sum : 1;
      loss += OF_WEIGHTS[slot] * values[slot] / divisor * router.weighting().scale();
    }
    return loss;
  }
}
