package io.moepress.calibrate.measure;

import java.util.SplittableRandom;

/// Which tokens of a corpus a reservoir holds.
final class TokenSample {
  private TokenSample() {}

  /// Draws tokens uniformly and without replacement: every set of `size` tokens is equally likely.
  /// Token after token is taken with the probability (still wanted) / (still to come).
  ///
  /// @param tokens of the corpus
  /// @param size how many to draw; all of them when there are no more
  /// @return ascending indices
  static int[] draw(int tokens, int size, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] drawn = new int[Math.min(tokens, size)];
    int next = 0;
    for (int token = 0; token < tokens && next < drawn.length; token++) {
      if (random.nextInt(tokens - token) < drawn.length - next) {
        drawn[next++] = token;
      }
    }
    return drawn;
  }
}
