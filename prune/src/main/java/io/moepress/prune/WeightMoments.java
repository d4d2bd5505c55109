package io.moepress.prune;

import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;

/// Sums over the weights of some tensors: what [AimerPruning] needs of them.
///
/// @param count number of weights
/// @param magnitudes `Σ |w|`
/// @param squares `Σ w²`
record WeightMoments(long count, double magnitudes, double squares) {
  private static final long PIECE = 1L << 20;

  /// Of no tensor.
  static final WeightMoments NONE = new WeightMoments(0, 0, 0);

  /// These sums and those of one more matrix, read some rows at a time.
  WeightMoments and(TensorData matrix) {
    WeightMoments sums = this;
    long rows = matrix.info().shape().dimensions().getFirst();
    long columns = Math.max(1, matrix.info().shape().elementCount() / Math.max(1, rows));
    long step = Math.max(1, PIECE / columns);
    for (long first = 0; first < rows; first += step) {
      TensorData piece = matrix.rows(first, Math.min(step, rows - first));
      sums = sums.and(Numbers.floats(piece));
      Mapped.rest(piece.bytes());
    }
    return sums;
  }

  /// These sums and those of some more weights.
  WeightMoments and(float[] weights) {
    double more = 0;
    double moreSquares = 0;
    for (float weight : weights) {
      more += Math.abs(weight);
      moreSquares += (double) weight * weight;
    }
    return new WeightMoments(count + weights.length, magnitudes + more, squares + moreSquares);
  }

  /// `mean |w| / √(mean w²)`, in (0, 1]; of zeros alone 1, as all have the same magnitude.
  double evenness() {
    return squares == 0 ? 1 : Math.min(1, magnitudes / Math.sqrt(count * squares));
  }
}
