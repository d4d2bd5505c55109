package io.moepress.calibrate.forward;

import io.moepress.calibrate.forward.TopKRouter.Weighting;

/// From the gradient with respect to the weights of a token's chosen experts to the gradient with
/// respect to its router logits. Which experts are chosen does not change.
///
/// With `v` the scores of the chosen experts `T`, `D = Σ_T v + ε`, and `c` the factor on weights:
///
/// ```
/// ∂L/∂v_j = c · ∂L/∂g_j                                  without renormalisation
/// ∂L/∂v_j = c / D · (∂L/∂g_j - Σ_T ∂L/∂g_i · v_i / D)    with it
/// ∂L/∂z_j = s_j (∂L/∂v_j - Σ_T ∂L/∂v_i · s_i)            softmax, over all or over the chosen
/// ∂L/∂z_j = s_j (1 - s_j) ∂L/∂v_j                        sigmoid
/// ```
///
/// @param router how the weights came about
record RouterGradient(TopKRouter router) {

  /// Works backward through the weights of one token.
  ///
  /// @param logits `[E]`
  /// @param chosen `[k]`
  /// @param ofWeights `∂L/∂g`, `[k]`
  /// @return `∂L/∂z`, `[E]`
  double[] ofLogits(double[] logits, int[] chosen, double[] ofWeights) {
    double[] scores =
        switch (router.score()) {
          case SOFTMAX -> softmax(logits);
          case SIGMOID -> sigmoid(logits);
          case SOFTMAX_OF_CHOSEN -> softmaxOfChosen(logits, chosen);
        };
    double[] ofScores = ofScores(scores, chosen, ofWeights);
    double mean = 0;
    for (int slot = 0; slot < chosen.length; slot++) {
      mean += ofScores[slot] * scores[chosen[slot]];
    }
    double[] gradient = new double[logits.length];
    switch (router.score()) {
      case SOFTMAX, SOFTMAX_OF_CHOSEN -> {
        for (int expert = 0; expert < gradient.length; expert++) {
          gradient[expert] = -mean * scores[expert];
        }
        for (int slot = 0; slot < chosen.length; slot++) {
          gradient[chosen[slot]] += ofScores[slot] * scores[chosen[slot]];
        }
      }
      case SIGMOID -> {
        for (int slot = 0; slot < chosen.length; slot++) {
          double score = scores[chosen[slot]];
          gradient[chosen[slot]] = score * (1 - score) * ofScores[slot];
        }
      }
    }
    return gradient;
  }

  private double[] ofScores(double[] scores, int[] chosen, double[] ofWeights) {
    Weighting weighting = router.weighting();
    double[] ofScores = new double[chosen.length];
    double divisor = 1;
    double mean = 0;
    if (weighting.renormalise()) {
      divisor = weighting.epsilon();
      for (int expert : chosen) {
        divisor += scores[expert];
      }
      for (int slot = 0; slot < chosen.length; slot++) {
        mean += ofWeights[slot] * scores[chosen[slot]] / divisor;
      }
    }
    for (int slot = 0; slot < chosen.length; slot++) {
      ofScores[slot] = weighting.scale() / divisor * (ofWeights[slot] - mean);
    }
    return ofScores;
  }

  private static double[] softmax(double[] logits) {
    int[] all = new int[logits.length];
    for (int expert = 0; expert < all.length; expert++) {
      all[expert] = expert;
    }
    return softmaxOfChosen(logits, all);
  }

  /// Softmax among some experts, 0 for the others.
  private static double[] softmaxOfChosen(double[] logits, int[] chosen) {
    double max = Double.NEGATIVE_INFINITY;
    for (int expert : chosen) {
      max = Math.max(max, logits[expert]);
    }
    double[] scores = new double[logits.length];
    double sum = 0;
    for (int expert : chosen) {
      scores[expert] = Math.exp(logits[expert] - max);
      sum += scores[expert];
    }
    for (int expert : chosen) {
      scores[expert] /= sum;
    }
    return scores;
  }

  private static double[] sigmoid(double[] logits) {
    double[] scores = new double[logits.length];
    for (int expert = 0; expert < scores.length; expert++) {
      scores[expert] = 1 / (1 + Math.exp(-logits[expert]));
    }
    return scores;
  }
}
