package io.moepress.recipes.recipe;

import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import java.util.Set;

/// One thing a recipe asks to be done to the model. Each step sees what the steps before it made.
public sealed interface RecipeStep permits PruneStep, MergeStep, SparsifyStep, QuantizeStep {

  /// The name of its method.
  String name();

  /// The statistics it cannot be decided without; empty when it needs no calibration.
  Set<Statistic> needs();

  /// The statistics it is decided from where there is calibration: [#needs] and perhaps more.
  Set<Statistic> uses();

  /// What it has to know of the linear maps of every layer, routed experts left out.
  default Set<LinearStatistic> linears() {
    return Set.of();
  }

  /// Whether it is decided from the sample of inputs, the reservoir, too.
  boolean needsReservoir();
}
