package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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

  /// The arrays of all groups.
  public List<PlanArray> arrays() {
    List<PlanArray> arrays = new ArrayList<>();
    if (neurons != null) {
      arrays.add(neurons);
    }
    if (subspace != null) {
      subspace
          .bases()
          .forEach(basis -> arrays.addAll(List.of(basis.gate(), basis.up(), basis.down())));
    }
    return arrays;
  }

  /// The space that the matrices `W_i` of all members of a group share best: the `r` eigenvectors
  /// of `Σ_i W_i W_iᵀ` with the largest values, neurons in their new places. Where there are bases,
  /// those of what the matrices do to their inputs, `Σ_i W_i X_i X_iᵀ W_iᵀ`.
  ///
  /// @param gate `r` for gate projections
  /// @param up `r` for up projections
  /// @param down `r` for down projections
  /// @param energy the part of `Σ_i ‖W_i‖²`, or `Σ_i ‖W_i X_i‖²`, that lies in it, over all groups
  ///   of more than one member and all three matrices, from 0 to 1
  /// @param bases of the groups of more than one member; empty: applying the plan finds them
  public record Subspace(int gate, int up, int down, double energy, List<Basis> bases) {

    /// A space that applying the plan finds from the weights alone.
    public Subspace(int gate, int up, int down, double energy) {
      this(gate, up, down, energy, List.of());
    }

    /// Vectors of length 1 and at right angles that span the space of a group.
    ///
    /// @param group index of the group
    /// @param gate `[r, I]`, F32
    /// @param up `[r, I]`, F32
    /// @param down `[r, H]`, F32
    public record Basis(int group, PlanArray gate, PlanArray up, PlanArray down) {

      /// That of a projection.
      public PlanArray of(Projection projection) {
        return switch (projection) {
          case GATE -> gate;
          case UP -> up;
          case DOWN -> down;
        };
      }
    }

    public Subspace {
      bases = List.copyOf(bases);
      Checks.require(
          gate > 0 && up > 0 && down > 0,
          "subspace: ranks %d, %d, %d (expected positive numbers)",
          gate,
          up,
          down);
      Checks.require(
          energy >= 0 && energy <= 1 + 1e-9, "subspace: energy %s (expected 0 to 1)", energy);
    }

    /// The basis of a group, where the plan has one.
    public Optional<Basis> basis(int group) {
      return bases.stream().filter(basis -> basis.group() == group).findFirst();
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
