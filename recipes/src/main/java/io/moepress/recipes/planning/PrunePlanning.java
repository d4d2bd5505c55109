package io.moepress.recipes.planning;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.ExpertNumbers;
import java.io.IOException;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;

/// Plans a pruning step: protection, routing and sizes around what the method decides.
///
/// @param model what is pruned
/// @param step what the recipe asks for
/// @param common what all kinds of steps need
record PrunePlanning(MoeModel model, PruneStep step, PlanningContext common)
    implements StepPlanning {

  @Override
  public void preflight() {
    common.listed(step.protection());
    RoutingPlan routing = RoutingPlan.of(model, step);
    int kept = step.budget().kept(model.layout().experts());
    switch (routing.mode()) {
      case SLICE -> common.checkTarget(ExpertNumbers.of(routing.layout()).uniform(kept));
      case MASK -> common.checkTarget(ExpertNumbers.of(routing.layout()));
    }
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    SortedSet<ExpertId> guarded = common.guarded(step.protection());
    common.noteStarved();
    RoutingPlan routing = RoutingPlan.of(model, step);
    routing.notes().forEach(common::note);
    PruneRequest request =
        new PruneRequest(
            () -> model, routing.layout(), evidence, step.budget(), guarded, routing.mode());
    List<? extends ExpertStep> decisions = step.method().plan(request);
    common.checkTarget(numbers(routing, decisions));
    return routing.with(decisions);
  }

  /// The number of experts that each layer will have.
  private static ExpertNumbers numbers(RoutingPlan routing, List<? extends ExpertStep> decisions) {
    ModelLayout layout = routing.layout();
    SortedMap<Integer, Integer> byLayer = new TreeMap<>();
    layout.moeLayers().forEach(layer -> byLayer.put(layer, layout.experts()));
    decisions.forEach(decision -> byLayer.put(decision.layer(), decision.left()));
    return ExpertNumbers.of(layout, byLayer);
  }
}
