package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import java.util.EnumSet;
import java.util.Set;

/// Experts are dropped.
///
/// @param method decides which
/// @param budget how many stay
/// @param protection who stays in any case
/// @param router what becomes of the router, and of what else depends on the number of experts
public record PruneStep(
    PruneMethod method, Budget budget, Protection protection, RouterOptions router)
    implements RecipeStep {

  /// Experts are dropped, and routing changes no more than it must.
  public PruneStep(PruneMethod method, Budget budget, Protection protection, RouterMode router) {
    this(method, budget, protection, RouterOptions.of(router));
  }

  @Override
  public String name() {
    return method.name();
  }

  @Override
  public Set<Statistic> needs() {
    return method.needs();
  }

  /// What its method needs, and output maxima where super experts are protected.
  @Override
  public Set<Statistic> uses() {
    EnumSet<Statistic> uses = EnumSet.noneOf(Statistic.class);
    uses.addAll(needs());
    if (protection.superExperts()) {
      uses.add(Statistic.OUTPUT_MAXIMUM);
    }
    return uses;
  }

  @Override
  public boolean needsReservoir() {
    return method.needsReservoir();
  }

  /// The same with another method.
  public PruneStep with(PruneMethod other) {
    return new PruneStep(other, budget, protection, router);
  }
}
