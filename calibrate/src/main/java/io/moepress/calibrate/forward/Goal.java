package io.moepress.calibrate.forward;

import io.moepress.recipes.evidence.DistanceKind;

/// What a search wants little of: `CE + λ · distance`.
///
/// `CE` is the mean cross-entropy of the next token over all predicted tokens, in nats. The
/// distance is `‖F′(x) − F(x)‖_F` of each text, a matrix over all its tokens, and of that the mean
/// over texts.
///
/// @param distance what `F` is
/// @param lambda `λ`
public record Goal(DistanceKind distance, double lambda) {

  /// What a search saw of some texts.
  public record Loss(double crossEntropy, double distance) {}

  /// The objective.
  public double total(Loss loss) {
    return loss.crossEntropy() + lambda * loss.distance();
  }
}
