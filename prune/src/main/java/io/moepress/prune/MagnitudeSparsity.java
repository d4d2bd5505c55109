package io.moepress.prune;

import io.moepress.recipes.plan.MethodDescription;
import java.util.List;

/// The baseline of all ways to set weights to zero: of each output row those of the smallest
/// magnitude, whatever they are multiplied with.
public record MagnitudeSparsity() implements UniformSparsity {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "magnitude",
          "`abs(W_ij)` within each output row",
          "The baseline.",
          "baseline",
          "",
          List.of(),
          "- sparsify: {method: magnitude, sparsity: 25%}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public boolean readsInputs() {
    return false;
  }
}
