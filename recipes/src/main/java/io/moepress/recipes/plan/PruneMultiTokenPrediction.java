package io.moepress.recipes.plan;

/// Keeps, in the layers for multi-token prediction, the experts that a layer of the main model
/// keeps. No evidence reaches those layers.
///
/// @param likeLayer decoder layer whose decision is used
public record PruneMultiTokenPrediction(int likeLayer) implements PlanStep {}
