package io.moepress.calibrate.forward;

import io.moepress.formats.architecture.Architecture.RouterScore;
import io.moepress.formats.architecture.ExpertGroups;

/// Chooses the `k` experts of each token from its router logits.
///
/// ```
/// s = softmax(logits) or sigmoid(logits)        over all experts
/// c = s + selection bias                        what the choice is made by
/// G = the open groups: those with the highest score, made of the c of their experts
/// T = the k largest c among the experts of G
/// g_j = s_j                                     or, renormalised,  s_j / (Σ_{i ∈ T} s_i + ε)
/// g_j = g_j · scale
/// ```
///
/// With [RouterScore#SOFTMAX_OF_CHOSEN] the choice is made by logits, and `s` is the softmax over
/// the logits of `T`; the scores it keeps are the softmax over all experts even so. Ties go to the
/// lower index, among groups as among experts.
///
/// Source of groups and selection bias: DeepSeek-V3, arXiv:2412.19437, section 2.1.2; experts of
/// closed groups are out of the question, as in transformers 5, and not merely at 0.
///
/// @param score from logits to scores
/// @param topK experts for each token
/// @param selection what else the choice depends on
/// @param weighting what becomes of the scores of the chosen experts
record TopKRouter(RouterScore score, int topK, Selection selection, Weighting weighting) {

  /// What the choice depends on beside the scores.
  ///
  /// @param bias added to the scores, `[E]`, or of length 0; not copied
  /// @param groups the groups experts stand in
  record Selection(float[] bias, ExpertGroups groups) {
    static final Selection BY_SCORE = new Selection(new float[0], ExpertGroups.NONE);
  }

  /// What becomes of the scores of the chosen experts.
  ///
  /// @param renormalise whether they are divided by their sum
  /// @param epsilon added to that sum
  /// @param scale factor on the result
  record Weighting(boolean renormalise, float epsilon, float scale) {
    static final Weighting AS_SCORED = new Weighting(false, 0, 1);
  }

  /// Routes one token.
  ///
  /// @param logits router logits, `[E]`; turned into scores in place
  /// @param routing where the choice is written
  /// @param token index of the token in the corpus
  void route(float[] logits, Routing routing, int token) {
    float[] scores = logits;
    switch (score) {
      case SOFTMAX -> softmax(scores);
      case SIGMOID -> sigmoid(scores);
      case SOFTMAX_OF_CHOSEN -> {}
    }
    int[] chosen = largest(candidates(scores), topK);
    float[] weights = of(chosen, scores);
    if (score == RouterScore.SOFTMAX_OF_CHOSEN) {
      softmax(weights);
      softmax(scores);
    }
    System.arraycopy(of(chosen, scores), 0, routing.scores(), token * topK, topK);
    weigh(weights);
    System.arraycopy(chosen, 0, routing.experts(), token * topK, topK);
    System.arraycopy(weights, 0, routing.weights(), token * topK, topK);
  }

  private static float[] of(int[] chosen, float[] scores) {
    float[] values = new float[chosen.length];
    for (int slot = 0; slot < chosen.length; slot++) {
      values[slot] = scores[chosen[slot]];
    }
    return values;
  }

  /// What the choice is made by, `[E]`: −∞ for experts of closed groups.
  private float[] candidates(float[] scores) {
    ExpertGroups groups = selection.groups();
    if (selection.bias().length == 0 && groups.open() == groups.count()) {
      return scores;
    }
    float[] candidates = scores.clone();
    for (int expert = 0; expert < selection.bias().length; expert++) {
      candidates[expert] += selection.bias()[expert];
    }
    if (groups.open() < groups.count()) {
      closeGroups(candidates);
    }
    return candidates;
  }

  private void closeGroups(float[] candidates) {
    ExpertGroups groups = selection.groups();
    int size = groups.size(candidates.length);
    float[] groupScores = new float[groups.count()];
    for (int group = 0; group < groups.count(); group++) {
      groupScores[group] = groupScore(candidates, group * size, (group + 1) * size);
    }
    int[] open = largest(groupScores, groups.open());
    for (int expert = 0; expert < candidates.length; expert++) {
      if (!contains(open, open.length, expert / size)) {
        candidates[expert] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  /// The score of the group of experts `first` to `end - 1`.
  private float groupScore(float[] candidates, int first, int end) {
    float largest = Float.NEGATIVE_INFINITY;
    float second = Float.NEGATIVE_INFINITY;
    for (int expert = first; expert < end; expert++) {
      second = Math.max(second, Math.min(largest, candidates[expert]));
      largest = Math.max(largest, candidates[expert]);
    }
    return switch (selection.groups().score()) {
      case MAX -> largest;
      case SUM_OF_TWO_LARGEST -> largest + second;
    };
  }

  private void weigh(float[] weights) {
    float divisor = 1;
    if (weighting.renormalise()) {
      divisor = weighting.epsilon();
      for (float weight : weights) {
        divisor += weight;
      }
    }
    for (int slot = 0; slot < weights.length; slot++) {
      weights[slot] = weights[slot] / divisor * weighting.scale();
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

  private static void sigmoid(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (1 / (1 + Math.exp(-values[i])));
    }
  }

  /// The indices of the `count` largest values, the largest first; the lower index where equal.
  private static int[] largest(float[] values, int count) {
    int[] chosen = new int[count];
    int filled = 0;
    for (int i = 0; i < values.length; i++) {
      if (filled == count && !(values[i] > values[chosen[count - 1]])) {
        continue;
      }
      int place = filled < count ? filled++ : count - 1;
      while (place > 0 && values[i] > values[chosen[place - 1]]) {
        chosen[place] = chosen[place - 1];
        place--;
      }
      chosen[place] = i;
    }
    return chosen;
  }

  private static boolean contains(int[] values, int length, int wanted) {
    for (int i = 0; i < length; i++) {
      if (values[i] == wanted) {
        return true;
      }
    }
    return false;
  }
}
