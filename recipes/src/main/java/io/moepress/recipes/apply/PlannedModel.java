package io.moepress.recipes.apply;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Plan;
import org.jspecify.annotations.Nullable;

/// A model as it will be under a plan, and all the plans before it. For one thread.
public final class PlannedModel {
  private final MoeModel source;
  private final @Nullable LoweredPlan lowered;
  private @Nullable MoeModel model;

  private PlannedModel(MoeModel source, @Nullable LoweredPlan lowered) {
    this.source = source;
    this.lowered = lowered;
  }

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
    return base.then(plan);
  }

  /// This model under one more plan.
  public PlannedModel then(Plan plan) {
    return then(Lowering.lower(model(), plan.steps()));
  }

  /// This model under the programs of one more plan, which were made for it.
  public PlannedModel then(LoweredPlan next) {
    return new PlannedModel(source, lowered == null ? next : lowered.then(next));
  }

  /// The view: reads run the tensor programs on the source. It is made when it is first asked for,
  /// since of a large model its names alone fill tens of megabytes.
  public MoeModel model() {
    if (lowered == null) {
      return source;
    }
    if (model == null) {
      model = MoeModel.of(new PlannedCheckpoint(source.checkpoint(), lowered));
    }
    return model;
  }

  /// The programs, all plans taken together.
  ///
  /// @throws IllegalStateException for the source as it is
  public LoweredPlan programs() {
    if (lowered == null) {
      throw new IllegalStateException("no plan");
    }
    return lowered;
  }
}
