package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MergeRule.Subspace;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.recipe.MergeStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;

/// Plans a merging step: protection, routing and sizes around what the method decides, and what a
/// reader should know of the function that comes of it.
///
/// @param model what is merged
/// @param step what the recipe asks for
/// @param common what all kinds of steps need
record MergePlanning(MoeModel model, MergeStep step, PlanningContext common)
    implements StepPlanning {

  @Override
  public List<Finding> preflight() {
    common.listed(step.protection());
    RoutingPlan routing = routing();
    return common.checkTarget(
        ExpertNumbers.of(routing.layout(), step.budget().counts(routing.layout())));
  }

  private RoutingPlan routing() {
    SortedMap<Integer, Integer> left = step.budget().counts(model.layout());
    RoutingPlan routing = RoutingPlan.of(model, step.routing(), left);
    routing.requireReachable(left);
    return routing;
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    SortedSet<ExpertId> guarded = common.guarded(step.protection());
    common.noteStarved();
    RoutingPlan routing = routing();
    routing.notes().forEach(common::note);
    MergeRequest request =
        new MergeRequest(
            () -> model, routing.layout(), evidence, step.budget(), guarded, step.options());
    List<MergeExperts> decisions = step.method().plan(request);
    noteFunction();
    noteEnergy(decisions);
    common.checkTarget(numbers(routing.layout(), decisions));
    return routing.with(decisions);
  }

  private void noteFunction() {
    String bias =
        model.layout().has(TensorRole.SELECTION_BIAS) ? ", and so does its selection bias" : "";
    String row =
        switch (step.options().router()) {
          case DOMINANT -> "comes from the member that most tokens chose";
          case MEAN -> "is the mean of its members' rows";
          case FREQUENCY_MEAN -> "is the mean of its members' rows, weighted by routed tokens";
        };
    common.note(
        Checks.text(
            "change of function: the router row of a merged expert %s%s. Each member drew tokens of"
                + " its own before, and a token could choose two of them; one row cannot do that,"
                + " even where the members are alike. Experts that stand alone are kept exactly,"
                + " with their rows.",
            row, bias));
  }

  private void noteEnergy(List<MergeExperts> decisions) {
    List<Subspace> subspaces =
        decisions.stream()
            .map(decision -> decision.rule().subspace())
            .filter(Objects::nonNull)
            .toList();
    if (!subspaces.isEmpty()) {
      common.note(
          Checks.text(
              "shared subspaces of rank %d, %d and %d (gate, up, down) hold %.2f %% to %.2f %% of the energy of"
                  + " the experts they stand for, by layer",
              subspaces.getFirst().gate(),
              subspaces.getFirst().up(),
              subspaces.getFirst().down(),
              100 * subspaces.stream().mapToDouble(Subspace::energy).min().orElseThrow(),
              100 * subspaces.stream().mapToDouble(Subspace::energy).max().orElseThrow()));
    }
  }

  /// The number of experts that each layer will have.
  private static ExpertNumbers numbers(ModelLayout layout, List<MergeExperts> decisions) {
    SortedMap<Integer, Integer> byLayer = layout.expertCounts();
    decisions.forEach(decision -> byLayer.put(decision.layer(), decision.left()));
    return ExpertNumbers.of(layout, byLayer);
  }
}
