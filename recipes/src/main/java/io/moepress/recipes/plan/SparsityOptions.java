package io.moepress.recipes.plan;

import io.moepress.formats.Checks;

/// What all ways to set weights to zero share.
///
/// @param scope which linear maps
/// @param sequential whether each layer is measured behind its predecessors as they will be, or all
///   of them in the model as it is
/// @param starved what becomes of experts without calibration tokens
/// @param gatePower power of the routing weight by which tokens count in the norms of what routed
///   experts read: 0 (Wanda) or 2 (MoE-Pruner)
public record SparsityOptions(
    LinearScope scope, boolean sequential, StarvedMode starved, int gatePower) {
  /// Feed-forward networks, layer after layer.
  public static final SparsityOptions DEFAULT =
      new SparsityOptions(LinearScope.FEED_FORWARD, true, StarvedMode.SKIP, 0);

  public SparsityOptions {
    Checks.require(gatePower == 0 || gatePower == 2, "gate-power: %d (expected 0 or 2)", gatePower);
  }

  /// As in a recipe.
  @Override
  public String toString() {
    return Checks.text(
        "scope %s, %s, starved %s, gate-power %d",
        scope.label(), sequential ? "sequential" : "one-shot", starved.label(), gatePower);
  }
}
