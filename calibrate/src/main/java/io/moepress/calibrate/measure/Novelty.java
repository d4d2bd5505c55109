package io.moepress.calibrate.measure;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.calibrate.forward.HiddenStates;
import java.lang.foreign.MemorySegment;

/// How much the routed experts turn each token, `max(0, 1 − cos(h, h + y))`. The difference from 1
/// is small, hence float64 throughout.
final class Novelty {
  private static final int TOKENS_BEFORE_REST = 4096;

  private Novelty() {}

  /// The turn of each token, `[tokens]`.
  ///
  /// @param residual `h`
  /// @param output `y`
  static double[] of(HiddenStates residual, HiddenStates output) {
    double[] novelty = new double[Math.toIntExact(residual.tokens())];
    for (int token = 0; token < novelty.length; token++) {
      novelty[token] = Math.max(0, 1 - cosine(residual.row(token), output.row(token)));
      if (token % TOKENS_BEFORE_REST == 0) {
        residual.rest();
        output.rest();
      }
    }
    return novelty;
  }

  private static double cosine(MemorySegment before, MemorySegment change) {
    double product = 0;
    double squaresBefore = 0;
    double squaresAfter = 0;
    for (long i = 0; i < before.byteSize() / Float.BYTES; i++) {
      double h = before.getAtIndex(JAVA_FLOAT, i);
      double after = h + change.getAtIndex(JAVA_FLOAT, i);
      product += h * after;
      squaresBefore += h * h;
      squaresAfter += after * after;
    }
    double norms = Math.sqrt(squaresBefore) * Math.sqrt(squaresAfter);
    return norms == 0 ? 0 : product / norms;
  }
}
