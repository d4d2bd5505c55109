package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.tensor.DType;
import org.jspecify.annotations.Nullable;

/// What is done to the experts of a group beside adding them up by their weights.
///
/// @param neurons `[E, I]`, I32: where neuron `i` of expert `e` goes in the new expert; a neuron of
///   the new expert is the weighted mean of all that go there. Null: each to its own place.
/// @param subspace where the mean is projected; null: it stays as it is
public record MergeRule(@Nullable PlanArray neurons, @Nullable Subspace subspace) {

  /// The weighted mean, and nothing else.
  public static final MergeRule MEAN = new MergeRule(null, null);

  public MergeRule {
    if (neurons != null) {
      Checks.require(
          neurons.dtype() == DType.I32 && neurons.shape().size() == 2,
          "%s: expected I32 [experts, neurons]",
          neurons);
    }
  }

  /// Whether a mean of tensors is all there is to do.
  public boolean onlyAddsUp() {
    return neurons == null && subspace == null;
  }

  /// The space that the matrices `W_i` of all members of a group share best: the `r` eigenvectors
  /// of `Σ_i W_i W_iᵀ` with the largest values, neurons in their new places.
  ///
  /// @param gate `r` for gate projections
  /// @param up `r` for up projections
  /// @param down `r` for down projections
  /// @param energy the part of `Σ_i ‖W_i‖²` that lies in it, over all groups of more than one
  ///   member and all three matrices, from 0 to 1
  public record Subspace(int gate, int up, int down, double energy) {
    public Subspace {
      Checks.require(
          gate > 0 && up > 0 && down > 0,
          "subspace: ranks %d, %d, %d (expected positive numbers)",
          gate,
          up,
          down);
      Checks.require(
          energy >= 0 && energy <= 1 + 1e-9, "subspace: energy %s (expected 0 to 1)", energy);
    }

    /// The rank of a projection.
    public int rank(Projection projection) {
      return switch (projection) {
        case GATE -> gate;
        case UP -> up;
        case DOWN -> down;
      };
    }
  }
}
