package io.moepress.recipes.evidence;

import org.jspecify.annotations.Nullable;

/// What calibration saw of one decoder layer.
///
/// @param layer its index
/// @param tokens number of tokens of all domains
/// @param experts what was gathered of its routed experts; null where it has none
/// @param linears what was gathered of its other linear maps
public record LayerEvidence(
    int layer, long tokens, Evidence.@Nullable Layer experts, LinearSums linears) {}
