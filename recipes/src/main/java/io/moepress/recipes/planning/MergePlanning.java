package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.RouterScore;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.Allocation;
import io.moepress.recipes.plan.Allocation.EachLayer;
import io.moepress.recipes.plan.Allocation.Global;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeRequest;
import io.moepress.recipes.plan.MergeRule.Subspace;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.RoutingChange;
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

  /// What is known before the method is asked.
  ///
  /// @param routing what becomes of the routing
  /// @param counts turns numbers of experts into those that the plan can have
  /// @param outcome what it makes of the even shares of the budget
  private record Frame(RoutingPlan routing, CountPlan counts, CountPlan.Outcome outcome) {}

  @Override
  public List<Finding> preflight() {
    Frame frame = frame(common.listed(step.protection()));
    frame.counts().requireOneNumber();
    return common.checkTarget(numbers(frame.routing().layout(), frame.outcome().counts()));
  }

  /// Rounding decides how many experts a token can use, and that how far may be rounded.
  private Frame frame(SortedSet<ExpertId> guarded) {
    RoutingChange.requireOwnRows(model.layout(), "merge");
    SortedMap<Integer, Integer> shares = step.budget().counts(model.layout());
    SortedMap<Integer, Integer> rounded = counts(routing(shares), guarded).of(shares).counts();
    RoutingPlan routing = routing(rounded);
    CountPlan counts = counts(routing, guarded);
    CountPlan.Outcome outcome = counts.of(shares);
    routing.requireReachable(chosenFrom(outcome.counts()));
    if (routing.prunesPrediction() && step.options().router().keepsRows()) {
      throw RoutingChange.predictionWithMap();
    }
    return new Frame(routing, counts, outcome);
  }

  private RoutingPlan routing(SortedMap<Integer, Integer> left) {
    return RoutingPlan.of(model, step.routing(), chosenFrom(left));
  }

  private CountPlan counts(RoutingPlan routing, SortedSet<ExpertId> guarded) {
    return new CountPlan(routing.layout(), step, common.target(), guarded);
  }

  /// The number of router rows that are left, by layer.
  private SortedMap<Integer, Integer> chosenFrom(SortedMap<Integer, Integer> left) {
    return step.options().router().keepsRows() ? model.layout().expertCounts() : left;
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    SortedSet<ExpertId> guarded = common.guarded(step.protection());
    common.noteStarved();
    Frame frame = frame(guarded);
    RoutingPlan routing = frame.routing();
    routing.notes().forEach(common::note);
    if (routing.prunesPrediction()) {
      common.note(
          "multi-token prediction: of each group the member with the largest share stays as it is;"
              + " calibration does not say which experts of these layers are alike");
    }
    MergeRequest request =
        new MergeRequest(
            () -> model, routing.layout(), evidence, allocation(frame), guarded, step.options());
    List<MergeExperts> decisions = decide(request, frame);
    noteFunction();
    noteEnergy(decisions);
    common.checkTarget(numbers(routing.layout(), left(routing, decisions)));
    return routing.with(decisions);
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
  private List<MergeExperts> decide(MergeRequest request, Frame frame) throws IOException {
    List<MergeExperts> decisions = step.method().plan(request);
    SortedMap<Integer, Integer> found = left(frame.routing(), decisions);
    CountPlan.Outcome outcome = frame.counts().of(found);
    if (outcome.counts().equals(found)) {
      return decisions;
    }
    outcome.notes().forEach(common::note);
    frame.routing().requireReachable(chosenFrom(outcome.counts()));
    return step.method().plan(request.with(new EachLayer(outcome.counts())));
  }

  private static SortedMap<Integer, Integer> left(
      RoutingPlan routing, List<MergeExperts> decisions) {
    SortedMap<Integer, Integer> left = routing.layout().expertCounts();
    decisions.forEach(decision -> left.put(decision.layer(), decision.left()));
    return left;
  }

  private void noteFunction() {
    common.note(
        switch (step.options().router()) {
          case DOMINANT -> changed("comes from the member that most tokens chose");
          case MEAN -> changed("is the mean of its members' rows");
          case FREQUENCY_MEAN ->
              changed("is the mean of its members' rows, weighted by routed tokens");
          case MAP ->
              "what is kept: all router rows, so that every token chooses as it did. A row leads to"
                  + " the expert that its own became part of (config.json: expert_map), and a token"
                  + " that chose two members gets their expert with both weights. Where members are"
                  + " alike the function is the same, and elsewhere it changes by what they are"
                  + " averaged to. Only moepress reads the map.";
        });
  }

  private String changed(String row) {
    String bias =
        model.layout().has(TensorRole.SELECTION_BIAS) ? ", and so does its selection bias" : "";
    RouterScore score = model.layout().architecture().router().score();
    String corrected =
        model.layout().has(TensorRole.ROUTER_BIAS) && score != RouterScore.SIGMOID
            ? " Its router bias is raised, by at most the logarithm of the number of members, so that"
                + " it draws what they drew together."
            : "";
    return Checks.text(
        "change of function: the router row of a merged expert %s%s. Each member drew tokens of"
            + " its own before, and a token could choose two of them; one row cannot do that,"
            + " even where the members are alike. Experts that stand alone are kept exactly,"
            + " with their rows.%s",
        row, bias, corrected);
  }

  private void noteEnergy(List<MergeExperts> decisions) {
    List<Subspace> subspaces =
        decisions.stream()
            .map(decision -> decision.rule().subspace())
            .filter(Objects::nonNull)
            .toList();
    boolean whitened = subspaces.stream().anyMatch(subspace -> !subspace.bases().isEmpty());
    if (!subspaces.isEmpty()) {
      common.note(
          Checks.text(
              "shared subspaces of rank %d, %d and %d (gate, up, down) hold %.2f %% to %.2f %% of the energy of"
                  + " the %s they stand for, by layer",
              subspaces.getFirst().gate(),
              subspaces.getFirst().up(),
              subspaces.getFirst().down(),
              100 * subspaces.stream().mapToDouble(Subspace::energy).min().orElseThrow(),
              100 * subspaces.stream().mapToDouble(Subspace::energy).max().orElseThrow(),
              whitened ? "outputs of the experts" : "experts"));
    }
  }

  /// The number of experts that each layer will have.
  private ExpertNumbers numbers(ModelLayout layout, SortedMap<Integer, Integer> left) {
    ExpertNumbers numbers = ExpertNumbers.of(layout, left);
    return step.options().router().keepsRows() ? numbers.withMap() : numbers;
  }
}
