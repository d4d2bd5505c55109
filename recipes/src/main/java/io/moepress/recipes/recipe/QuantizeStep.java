package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.QuantizeOptions;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/// Weights become integers with scales.
///
/// @param method finds the codes
/// @param options which weights, how many bits, and how they are stored
public record QuantizeStep(QuantizeMethod method, QuantizeOptions options) implements RecipeStep {

  @Override
  public String name() {
    return method.name();
  }

  @Override
  public Set<Statistic> needs() {
    Set<Statistic> needs = EnumSet.noneOf(Statistic.class);
    needs.addAll(needs(method));
    options.bits().ifPresent(choice -> needs.addAll(choice.method().needs(choice.widths())));
    return needs;
  }

  /// The statistics that a method cannot do without: one that looks at inputs wants texts.
  public static Set<Statistic> needs(QuantizeMethod method) {
    return method instanceof CalibratedQuantization ? Set.of(Statistic.ROUTED_TOKENS) : Set.of();
  }

  @Override
  public Set<Statistic> uses() {
    return needs();
  }

  @Override
  public boolean needsReservoir() {
    return false;
  }

  /// The same by a method that looks at nothing, with the same bits for all experts.
  public QuantizeStep plainly(QuantizeMethod other) {
    return new QuantizeStep(
        other,
        new QuantizeOptions(
            options.experts(), Optional.empty(), options.others(), options.storage()));
  }

  /// The same with another method.
  public QuantizeStep with(QuantizeMethod other) {
    return new QuantizeStep(other, options);
  }
}
