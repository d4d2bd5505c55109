package io.moepress.recipes.plan;

import io.moepress.formats.Checks;

/// How the inputs of linear maps are looked at, to find the codes of their weights.
///
/// @param sequential whether each layer is measured behind its predecessors as they will be
/// @param gatePower power of the routing weight by which a token counts, 0 or 1
/// @param minTokens an expert with fewer tokens is starved
/// @param starved what becomes of such experts
public record HessianOptions(
    boolean sequential, int gatePower, int minTokens, StarvedCodes starved) {
  /// Behind predecessors, every token alike, any token will do.
  public static final HessianOptions DEFAULT =
      new HessianOptions(true, 0, 1, StarvedCodes.ROUND_TO_NEAREST);

  public HessianOptions {
    Checks.require(gatePower == 0 || gatePower == 1, "gate-power: %d (expected 0 or 1)", gatePower);
    Checks.require(minTokens >= 1, "min-tokens: %d (expected at least 1)", minTokens);
  }
}
