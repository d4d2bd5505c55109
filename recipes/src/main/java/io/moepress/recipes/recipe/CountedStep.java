package io.moepress.recipes.recipe;

import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.Budget;
import io.moepress.recipes.plan.CountOptions;
import io.moepress.recipes.plan.KeepCounts;

/// A step that leaves fewer experts of each layer.
public sealed interface CountedStep extends RecipeStep permits PruneStep, MergeStep {

  /// How many are left.
  Budget budget();

  /// How the budget is spread over layers and rounded.
  CountOptions counts();

  /// Whether what goes leaves the checkpoint.
  boolean slices();

  /// How the method spreads a budget over layers when the recipe does not say.
  AllocationMode defaultAllocation();

  /// How the budget is spread over layers; one that lists numbers says so itself.
  default AllocationMode allocation() {
    return switch (budget()) {
      case KeepCounts listed -> AllocationMode.UNIFORM;
      case Budget.OfLayer share -> counts().allocation().orElse(defaultAllocation());
    };
  }
}
