package io.moepress.recipes.apply;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Plan;
import org.jspecify.annotations.Nullable;

/// A model as it will be under a plan, and all the plans before it.
///
/// @param model the view: reads run the tensor programs on the source
/// @param lowered the programs, all plans taken together; null when there is none, and the model is
///   the source
public record PlannedModel(MoeModel model, @Nullable LoweredPlan lowered) {

  /// The source as it is.
  public static PlannedModel of(MoeModel source) {
    return new PlannedModel(source, null);
  }

  /// The source under a plan and those before it.
  ///
  /// @throws io.moepress.recipes.plan.PlanMismatchException when a plan does not fit the model
  public static PlannedModel of(MoeModel source, Plan plan) {
    Plan previous = plan.previous();
    PlannedModel base = previous == null ? of(source) : of(source, previous);
    return base.then(source, plan);
  }

  /// This model under one more plan.
  ///
  /// @param source what the first plan begins with
  public PlannedModel then(MoeModel source, Plan plan) {
    LoweredPlan next = Lowering.lower(model, plan.steps());
    LoweredPlan all = lowered == null ? next : lowered.then(next);
    return new PlannedModel(MoeModel.of(new PlannedCheckpoint(source.checkpoint(), all)), all);
  }

  /// The programs.
  ///
  /// @throws IllegalStateException for the source as it is
  public LoweredPlan programs() {
    if (lowered == null) {
      throw new IllegalStateException("no plan");
    }
    return lowered;
  }
}
