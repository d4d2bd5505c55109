package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;

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
}
