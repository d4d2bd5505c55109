package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.InputNorms;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.Set;

/// Weights become zero.
///
/// @param method decides how many in each layer, and by what they are chosen
/// @param pattern how many, all layers together
/// @param options which weights, and what they are measured on
public record SparsifyStep(SparsityMethod method, ZeroPattern pattern, SparsityOptions options)
    implements RecipeStep {

  public SparsifyStep {
    method.requireTaken(pattern);
  }

  @Override
  public String name() {
    return method.name();
  }

  @Override
  public Set<Statistic> needs() {
    return method.readsInputs() ? InputNorms.statistics(options.gatePower()) : Set.of();
  }

  @Override
  public Set<Statistic> uses() {
    return needs();
  }

  @Override
  public Set<LinearStatistic> linears() {
    return method.readsInputs() ? InputNorms.linears(options.scope()) : Set.of();
  }

  @Override
  public boolean needsReservoir() {
    return false;
  }

  /// Whether each layer is measured behind its predecessors as they will be.
  public boolean isSequential() {
    return options.sequential() && method.readsInputs();
  }

  /// The same with another method.
  public SparsifyStep with(SparsityMethod other) {
    return new SparsifyStep(other, pattern, options);
  }
}
