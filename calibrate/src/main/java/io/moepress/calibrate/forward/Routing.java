package io.moepress.calibrate.forward;

/// Which experts the tokens of a corpus chose in one layer, and with which weights.
///
/// Choice `s` of token `t` stands at index `t · topK + s`; the best choice comes first. The arrays
/// are written by the forward pass and not copied.
///
/// @param topK experts for each token, `k`
/// @param experts chosen experts, `[tokens · k]`
/// @param weights what their outputs are multiplied with, `[tokens · k]`
/// @param scores what the weights were before they were renormalised and scaled: softmax over all
///   experts or sigmoid, without selection bias, `[tokens · k]`
public record Routing(int topK, int[] experts, float[] weights, float[] scores) {

  /// A routing whose weights are the scores.
  public Routing(int topK, int[] experts, float[] weights) {
    this(topK, experts, weights, weights);
  }

  /// Room for `tokens` tokens.
  static Routing ofTokens(int tokens, int topK) {
    int slots = Math.multiplyExact(tokens, topK);
    return new Routing(topK, new int[slots], new float[slots], new float[slots]);
  }

  /// The slots (indices into the arrays) in which each expert was chosen, ascending.
  ///
  /// @return `[experts][routed tokens]`
  public int[][] slotsByExpert(int expertCount) {
    int[] counts = new int[expertCount];
    for (int expert : experts) {
      counts[expert]++;
    }
    int[][] slots = new int[expertCount][];
    for (int expert = 0; expert < expertCount; expert++) {
      slots[expert] = new int[counts[expert]];
    }
    int[] next = new int[expertCount];
    for (int slot = 0; slot < experts.length; slot++) {
      int expert = experts[slot];
      slots[expert][next[expert]++] = slot;
    }
    return slots;
  }
}
