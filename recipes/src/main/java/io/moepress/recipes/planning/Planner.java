package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.SuperExperts;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Asks a method for its decisions and makes a complete plan of them: protection, sizes, target
/// rules and everything a reader should know. Writes nothing and reads no weights.
public final class Planner {
  private final MoeModel model;
  private final Subject subject;
  private final List<String> notes = new ArrayList<>();

  /// What a plan is made for and from.
  ///
  /// @param previous the plan whose result is planned on; null: the checkpoint itself
  /// @param checkpoint fingerprint of what is planned on
  /// @param evidence what calibration saw; null when there was none
  /// @param evidenceDigest digest of the evidence; null when there is none
  /// @param target the runtime that has to load the result
  public record Subject(
      @Nullable Plan previous,
      String checkpoint,
      @Nullable Evidence evidence,
      @Nullable String evidenceDigest,
      Target target) {}

  private Planner(MoeModel model, Subject subject) {
    this.model = model;
    this.subject = subject;
  }

  /// Plans a pruning step.
  ///
  /// @throws PlanMismatchException when evidence or target do not fit the model or the decision
  public static Plan plan(MoeModel model, PruneStep step, Subject subject) {
    return new Planner(model, subject).plan(step);
  }

  /// Checks all of a step that can be checked without evidence, before any is measured.
  ///
  /// @throws PlanMismatchException when the budget leaves too few experts or a number that the
  ///   target does not take, or a protected expert does not exist
  public static void preflight(MoeModel model, PruneStep step, Target target) {
    Planner planner = new Planner(model, new Subject(null, "", null, null, target));
    planner.listed(step.protection());
    RoutingPlan routing = RoutingPlan.of(model, step);
    int kept = step.budget().kept(model.layout().experts());
    switch (routing.mode()) {
      case SLICE -> planner.checkTarget(ExpertNumbers.of(routing.layout()).uniform(kept));
      case MASK -> planner.checkTarget(ExpertNumbers.of(routing.layout()));
    }
  }

  private Plan plan(PruneStep step) {
    Evidence evidence = evidence(step);
    SortedSet<ExpertId> guarded = guarded(step.protection());
    noteStarved();
    RoutingPlan routing = RoutingPlan.of(model, step);
    notes.addAll(routing.notes());
    PruneRequest request =
        new PruneRequest(routing.layout(), evidence, step.budget(), guarded, routing.mode());
    List<KeepExperts> decisions = step.method().plan(request);
    checkTarget(numbers(routing, decisions));
    List<PlanStep> steps = routing.with(decisions);
    LoweredPlan lowered = Lowering.lower(model, steps);
    noteMultiTokenPrediction(lowered);
    ModelLayout after = model.layout().with(lowered.config());
    return new Plan(
        Plan.FORMAT_VERSION,
        ToolVersion.text(),
        model.layout().config().modelType(),
        subject.previous(),
        subject.checkpoint(),
        subject.evidenceDigest(),
        subject.target().label(),
        new Plan.Size(
            model.layout().experts(),
            model.checkpoint().parameterCount(),
            model.checkpoint().byteCount()),
        new Plan.Size(after.experts(), lowered.parameterCount(), lowered.byteCount()),
        notes,
        steps);
  }

  /// The evidence, after checking that it is this checkpoint's; for methods that need none, layers
  /// without statistics.
  private Evidence evidence(PruneStep step) {
    Evidence evidence = subject.evidence();
    if (evidence == null) {
      if (!step.method().needs().isEmpty()) {
        throw needsEvidence(step.method());
      }
      return withoutStatistics();
    }
    if (!evidence.checkpoint().equals(subject.checkpoint())) {
      throw new PlanMismatchException(
          "the evidence was measured on checkpoint %s, this one is %s. Calibrate this one.",
          evidence.checkpoint(), subject.checkpoint());
    }
    List<Integer> layers = List.copyOf(evidence.layers().keySet());
    if (!layers.equals(model.layout().moeLayers())) {
      throw new PlanMismatchException(
          "the evidence has layers %s, the model has experts in %s",
          layers, model.layout().moeLayers());
    }
    return evidence;
  }

  /// Says that a method cannot decide without calibration.
  public static PlanMismatchException needsEvidence(PruneMethod method) {
    return new PlanMismatchException(
        "method %s needs calibration (%s). Add calibration data to the recipe, or give evidence with"
            + " --evidence.",
        method.name(), method.needs().stream().map(Statistic::label).sorted().toList());
  }

  private Evidence withoutStatistics() {
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    for (int layer : model.layout().moeLayers()) {
      layers.put(layer, new Evidence.Layer(model.layout().experts(), Map.of()));
    }
    return new Evidence(subject.checkpoint(), 0, List.of(), layers);
  }

  private SortedSet<ExpertId> guarded(Protection protection) {
    SortedSet<ExpertId> guarded = listed(protection);
    if (protection.superExperts()) {
      guarded.addAll(superExperts());
    }
    return guarded;
  }

  /// The experts that the recipe itself protects.
  private SortedSet<ExpertId> listed(Protection protection) {
    SortedSet<ExpertId> guarded = new TreeSet<>(protection.experts());
    for (ExpertId expert : guarded) {
      if (!model.layout().moeLayers().contains(expert.layer())
          || expert.expert() >= model.layout().experts()) {
        throw new PlanMismatchException(
            "protected expert %s does not exist (layers %s have experts 0 to %d)",
            expert, model.layout().moeLayers(), model.layout().experts() - 1);
      }
    }
    return guarded;
  }

  private SortedSet<ExpertId> superExperts() {
    Evidence evidence = subject.evidence();
    if (evidence == null) {
      notes.add("super experts are unknown without calibration, so none is protected");
      return new TreeSet<>();
    }
    SortedSet<ExpertId> found = SuperExperts.find(evidence, model.layout().layers());
    notes.add(
        found.isEmpty()
            ? "no super experts found"
            : "super experts (layer:expert), protected: " + found);
    return found;
  }

  private void noteStarved() {
    Evidence evidence = subject.evidence();
    if (evidence == null) {
      return;
    }
    long experts = 0;
    long starved = 0;
    for (Evidence.Layer layer : evidence.layers().values()) {
      experts += layer.experts();
      starved +=
          Arrays.stream(layer.total(Statistic.ROUTED_TOKENS)).filter(count -> count == 0).count();
    }
    if (starved > 0) {
      notes.add(Checks.text("%d of %d experts saw no calibration token", starved, experts));
    }
  }

  private void noteMultiTokenPrediction(LoweredPlan lowered) {
    MultiTokenPrediction extra = model.layout().architecture().multiTokenPrediction();
    Set<String> tensors = model.inventory().multiTokenPrediction();
    boolean allGone = lowered.dropped().keySet().containsAll(tensors);
    if (extra != null && !tensors.isEmpty() && allGone) {
      notes.add(
          Checks.text(
              "%d tensors for multi-token prediction are dropped and %s is set to 0: they share the"
                  + " number of experts, and calibration does not reach them",
              tensors.size(), extra.countKey()));
    }
  }

  /// The number of experts that each layer will have.
  private static ExpertNumbers numbers(RoutingPlan routing, List<KeepExperts> decisions) {
    ModelLayout layout = routing.layout();
    SortedMap<Integer, Integer> byLayer = new TreeMap<>();
    layout.moeLayers().forEach(layer -> byLayer.put(layer, layout.experts()));
    switch (routing.mode()) {
      case SLICE -> decisions.forEach(step -> byLayer.put(step.layer(), step.kept().size()));
      case MASK -> {}
    }
    return ExpertNumbers.of(layout, byLayer);
  }

  private void checkTarget(ExpertNumbers numbers) {
    for (Finding finding : TargetRules.check(subject.target(), numbers)) {
      if (finding.refusal()) {
        throw new PlanMismatchException("%s", finding.text());
      }
      notes.add(finding.text());
    }
  }
}
