package io.moepress.recipes.evidence;

import io.moepress.formats.Checks;

/// How scores of experts are to be learned.
///
/// @param relaxation how experts stand side by side meanwhile
/// @param distance what the distance from the original is taken between
/// @param lambda weight of the distance
/// @param optimiser how parameters follow their gradients
/// @param rate learning rate at the start
/// @param epochs times that every text is seen
/// @param batch texts for each update
/// @param seed decides the order of texts in each epoch
public record LearningRequest(
    Relaxation relaxation,
    DistanceKind distance,
    double lambda,
    OptimiserKind optimiser,
    double rate,
    int epochs,
    int batch,
    long seed) {

  public LearningRequest {
    Checks.require(
        lambda >= 0 && Double.isFinite(lambda), "lambda: %s (expected 0 or more)", lambda);
    Checks.require(rate > 0 && Double.isFinite(rate), "rate: %s (expected more than 0)", rate);
    Checks.require(epochs > 0, "epochs: %d (expected at least 1)", epochs);
    Checks.require(batch > 0, "batch: %d (expected at least 1)", batch);
  }
}
