package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Alignment;
import io.moepress.recipes.plan.Budget;
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
public record MergeStep(
    MergeMethod method,
    Budget.OfLayer budget,
    Protection protection,
    MergeOptions options,
    RouterOptions routing)
    implements RecipeStep {

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

  /// Pruning to the same size.
  public PruneStep pruned(PruneMethod other) {
    return new PruneStep(other, budget, protection, routing);
  }
}
