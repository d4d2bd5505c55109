package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MergeOptions;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.RouterOptions;
import java.util.EnumSet;
import java.util.Set;

/// Experts are merged.
///
/// @param method decides which become one
/// @param budget how many are left
/// @param protection who is never merged
/// @param options neurons and router rows of what is merged
/// @param routing what else depends on the number of experts
/// @param counts how the budget is spread over layers and rounded
public record MergeStep(
    MergeMethod method,
    Budget budget,
    Protection protection,
    MergeOptions options,
    RouterOptions routing,
    CountOptions counts)
    implements CountedStep {

  /// Experts are merged, as many as the method makes of the budget.
  public MergeStep(
      MergeMethod method,
      Budget budget,
      Protection protection,
      MergeOptions options,
      RouterOptions routing) {
    this(method, budget, protection, options, routing, CountOptions.DEFAULT);
  }

  @Override
  public String name() {
    return method.name();
  }

  @Override
  public Set<Statistic> needs() {
    EnumSet<Statistic> needs = EnumSet.of(Statistic.ROUTED_TOKENS);
    needs.addAll(method.needs());
    return needs;
  }

  /// What its method needs, and output maxima where super experts are protected.
  @Override
  public Set<Statistic> uses() {
    EnumSet<Statistic> uses = EnumSet.copyOf(needs());
    if (protection.superExperts()) {
      uses.add(Statistic.OUTPUT_MAXIMUM);
    }
    return uses;
  }

  @Override
  public boolean needsReservoir() {
    return method.needsReservoir() || options.align() == Alignment.ACTIVATIONS;
  }

  @Override
  public boolean slices() {
    return true;
  }

  @Override
  public AllocationMode defaultAllocation() {
    return method.defaultAllocation();
  }

  /// Pruning to the same size.
  public PruneStep pruned(PruneMethod other) {
    return new PruneStep(other, budget, protection, routing, counts.spread(AllocationMode.UNIFORM));
  }
}
