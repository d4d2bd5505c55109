package io.moepress.calibrate.forward;

import io.moepress.formats.architecture.Architecture.RouterScore;

/// Chooses the `k` experts of each token from its router logits.
///
/// ```
/// p = softmax(logits over all experts)
/// T = the k largest p (ties: the lower index)
/// g_j = p_j                     or, renormalised,  p_j / Σ_{i ∈ T} p_i
/// ```
///
/// @param score from logits to scores
/// @param topK experts for each token
/// @param renormalise whether the chosen weights sum to one
record TopKRouter(RouterScore score, int topK, boolean renormalise) {

  /// Routes one token.
  ///
  /// @param logits router logits, `[E]`; turned into scores in place
  /// @param routing where the choice is written
  /// @param token index of the token in the corpus
  void route(float[] logits, Routing routing, int token) {
    switch (score) {
      case SOFTMAX -> softmax(logits);
    }
    int first = token * topK;
    float sum = 0;
    for (int slot = first; slot < first + topK; slot++) {
      int best = best(logits, routing.experts(), first, slot);
      routing.experts()[slot] = best;
      routing.weights()[slot] = logits[best];
      sum += logits[best];
    }
    for (int slot = first; renormalise && slot < first + topK; slot++) {
      routing.weights()[slot] /= sum;
    }
  }

  private static void softmax(float[] values) {
    float max = Float.NEGATIVE_INFINITY;
    for (float value : values) {
      max = Math.max(max, value);
    }
    double sum = 0;
    for (float value : values) {
      sum += Math.exp(value - max);
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (Math.exp(values[i] - max) / sum);
    }
  }

  /// The best expert that is not among `chosen[first]` to `chosen[end - 1]`.
  private static int best(float[] scores, int[] chosen, int first, int end) {
    int best = -1;
    for (int expert = 0; expert < scores.length; expert++) {
      if ((best < 0 || scores[expert] > scores[best]) && !contains(chosen, first, end, expert)) {
        best = expert;
      }
    }
    return best;
  }

  private static boolean contains(int[] values, int first, int end, int wanted) {
    for (int i = first; i < end; i++) {
      if (values[i] == wanted) {
        return true;
      }
    }
    return false;
  }
}
