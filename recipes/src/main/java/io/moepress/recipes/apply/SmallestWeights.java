package io.moepress.recipes.apply;

import io.moepress.recipes.plan.ZeroPattern;
import java.util.Arrays;

/// Finds the weights of an output row that matter least: those with the smallest `|W_ij| · a_j`, in
/// float64. Of equal ones the lower column goes first.
///
/// One object serves one thread.
final class SmallestWeights {
  private static final int DIGIT_BITS = 8;
  private static final int DIGITS = 1 << DIGIT_BITS;

  private final double[] norms;
  private final int run;
  private final int zeros;
  private final long[] keys;
  private final long[] candidates;
  private final int[] counts = new int[DIGITS];

  /// Prepares for rows whose inputs have these norms.
  ///
  /// @param norms `a`, one for each column; not copied
  SmallestWeights(ZeroPattern pattern, double[] norms) {
    this.norms = norms;
    this.run = pattern.run(norms.length);
    this.zeros = pattern.zerosOf(norms.length);
    this.keys = new long[run];
    this.candidates = new long[run];
  }

  /// Takes the columns one after the other.
  @FunctionalInterface
  interface Columns {
    /// Takes a column.
    void accept(int column);
  }

  /// The columns of a row whose weights become zero, ascending.
  ///
  /// @param weights at least as many as there are norms
  /// @param offset of the first
  void find(float[] weights, int offset, Columns sink) {
    for (int first = 0; zeros > 0 && first < norms.length; first += run) {
      for (int i = 0; i < run; i++) {
        double metric = Math.abs((double) weights[offset + first + i]) * norms[first + i];
        keys[i] = Double.doubleToRawLongBits(metric); // in the same order, for nothing is negative
      }
      long threshold = zerosThKey();
      int equal = zeros;
      for (int i = 0; i < run; i++) {
        equal -= keys[i] < threshold ? 1 : 0;
      }
      for (int i = 0; i < run; i++) {
        if (keys[i] < threshold || (keys[i] == threshold && equal-- > 0)) {
          sink.accept(first + i);
        }
      }
    }
  }

  /// The largest of the smallest keys: digit by digit from the highest on, those whose digits so
  /// far are the threshold's stay candidates. So the time is in proportion to the length, whatever
  /// the weights are.
  private long zerosThKey() {
    System.arraycopy(keys, 0, candidates, 0, run);
    int count = run;
    int rank = zeros; // counted from 1, among the candidates
    for (int shift = Long.SIZE - DIGIT_BITS; shift >= 0 && count > 1; shift -= DIGIT_BITS) {
      Arrays.fill(counts, 0);
      for (int i = 0; i < count; i++) {
        counts[digit(candidates[i], shift)]++;
      }
      int digit = 0;
      while (rank > counts[digit]) {
        rank -= counts[digit++];
      }
      int kept = 0;
      for (int i = 0; i < count; i++) {
        if (digit(candidates[i], shift) == digit) {
          candidates[kept++] = candidates[i];
        }
      }
      count = kept;
    }
    return candidates[0];
  }

  private static int digit(long key, int shift) {
    return (int) (key >>> shift) & (DIGITS - 1);
  }
}
