package io.moepress.prune;

import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.List;

/// The baseline of all ways to set weights to zero: of each output row those of the smallest
/// magnitude, whatever they are multiplied with.
///
/// @param pattern how many weights of a row
public record MagnitudeSparsity(ZeroPattern pattern) implements UniformSparsity {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "magnitude",
          "`|W_ij|` within each output row",
          "The baseline.",
          "baseline",
          "",
          List.of(
              new Option("sparsity", "share of each row's weights that become zero", "none"),
              new Option("pattern", "instead: so many of every so many neighbours", "none")),
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
