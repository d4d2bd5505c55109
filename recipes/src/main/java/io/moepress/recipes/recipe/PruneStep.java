package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.RouterMode;

/// Experts are dropped.
///
/// @param method decides which
/// @param budget how many stay
/// @param protection who stays in any case
/// @param router what becomes of the router rows of the dropped
public record PruneStep(PruneMethod method, Budget budget, Protection protection, RouterMode router)
    implements RecipeStep {}
