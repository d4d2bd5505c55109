package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.CountOptions;
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
/// @param counts how the budget is spread over layers and rounded
public record PruneStep(
    PruneMethod method,
    Budget budget,
    Protection protection,
    RouterOptions router,
    CountOptions counts)
    implements CountedStep {

  /// Experts are dropped, as many as the method makes of the budget.
  public PruneStep(PruneMethod method, Budget budget, Protection protection, RouterOptions router) {
    this(method, budget, protection, router, CountOptions.DEFAULT);
  }

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
    return new PruneStep(other, budget, protection, router, counts);
  }

  @Override
  public boolean slices() {
    return router.mode() == RouterMode.SLICE;
  }

  @Override
  public AllocationMode defaultAllocation() {
    return method.defaultAllocation();
  }
}
