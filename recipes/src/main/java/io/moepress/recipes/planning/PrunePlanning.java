package io.moepress.recipes.planning;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.Allocation.EachLayer;
import io.moepress.recipes.plan.Allocation.Global;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RoutingChange;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import java.io.IOException;
import java.util.List;
import java.util.SortedMap;
import java.util.SortedSet;

/// Plans a pruning step: protection, routing and sizes around what the method decides.
///
/// @param model what is pruned
/// @param step what the recipe asks for
/// @param common what all kinds of steps need
record PrunePlanning(MoeModel model, PruneStep step, PlanningContext common)
    implements StepPlanning {

  /// What is known before the method is asked.
  ///
  /// @param routing what becomes of the routing
  /// @param counts turns numbers of experts into those that the plan can have
  /// @param outcome what it makes of the even shares of the budget
  private record Frame(RoutingPlan routing, CountPlan counts, CountPlan.Outcome outcome) {}

  @Override
  public List<Finding> preflight() {
    Frame frame = frame(common.listed(step.protection()));
    RoutingPlan routing = frame.routing();
    return switch (routing.mode()) {
      case MASK -> common.checkTarget(ExpertNumbers.of(routing.layout()));
      case SLICE -> {
        frame.counts().requireOneNumber();
        yield common.checkTarget(ExpertNumbers.of(routing.layout(), frame.outcome().counts()));
      }
    };
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    SortedSet<ExpertId> guarded = common.guarded(step.protection());
    common.noteStarved();
    Frame frame = frame(guarded);
    RoutingPlan routing = frame.routing();
    routing.notes().forEach(common::note);
    PruneRequest request =
        new PruneRequest(
            () -> model, routing.layout(), evidence, allocation(frame), guarded, routing.mode());
    List<? extends ExpertStep> decisions = decide(request, frame);
    step.method().notes().forEach(common::note);
    SortedMap<Integer, Integer> left = routing.layout().expertCounts();
    decisions.forEach(decision -> left.put(decision.layer(), decision.left()));
    common.checkTarget(ExpertNumbers.of(routing.layout(), left));
    return routing.with(decisions);
  }

  /// Rounding decides how many experts a token can use, and that how far may be rounded.
  private Frame frame(SortedSet<ExpertId> guarded) {
    RoutingChange.requireOwnRows(model.layout(), "prune");
    SortedMap<Integer, Integer> shares = step.budget().counts(model.layout());
    SortedMap<Integer, Integer> rounded =
        counts(RoutingPlan.of(model, step, shares), guarded).of(shares).counts();
    RoutingPlan routing = RoutingPlan.of(model, step, rounded);
    CountPlan counts = counts(routing, guarded);
    CountPlan.Outcome outcome = counts.of(shares);
    routing.requireReachable(outcome.counts());
    return new Frame(routing, counts, outcome);
  }

  private CountPlan counts(RoutingPlan routing, SortedSet<ExpertId> guarded) {
    return new CountPlan(routing.layout(), step, common.target(), guarded);
  }

  private Allocation allocation(Frame frame) {
    return switch (step.allocation()) {
      case UNIFORM -> {
        frame.outcome().notes().forEach(common::note);
        yield new EachLayer(frame.outcome().counts());
      }
      case GLOBAL ->
          new Global(new EachLayer(step.budget().counts(frame.routing().layout())).total());
    };
  }

  /// Asks the method, and once more where other numbers of experts come out than the plan can have.
  private List<? extends ExpertStep> decide(PruneRequest request, Frame frame) throws IOException {
    List<? extends ExpertStep> decisions = step.method().plan(request);
    SortedMap<Integer, Integer> found = frame.routing().layout().expertCounts();
    decisions.forEach(decision -> found.put(decision.layer(), kept(decision)));
    CountPlan.Outcome outcome = frame.counts().of(found);
    if (outcome.counts().equals(found)) {
      return decisions;
    }
    outcome.notes().forEach(common::note);
    frame.routing().requireReachable(outcome.counts());
    return step.method().replan(decisions, request.with(new EachLayer(outcome.counts())));
  }

  /// The number of experts that are chosen from afterwards, masked ones left out.
  private static int kept(ExpertStep decision) {
    return switch (decision) {
      case KeepExperts keep -> keep.kept().size();
      case MergeExperts merge -> merge.left();
    };
  }
}
