package io.moepress.recipes.planning;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.moepress.formats.Checks;
import io.moepress.formats.Jobs;
import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.recipe.MergeStep;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.recipe.QuantizeStep;
import io.moepress.recipes.recipe.RecipeStep;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Asks a method for its decisions and makes a complete plan of them: protection, sizes, target
/// rules and everything a reader should know. Writes nothing, and reads no weights but those that the
/// method looks at.
public final class Planner {
  private final MoeModel model;
  private final Subject subject;
  private final PlanningContext context;

  /// What a plan is made for and from.
  ///
  /// @param previous the plan whose result is planned on; null: the checkpoint itself
  /// @param checkpoint fingerprint of what is planned on
  /// @param evidence what calibration saw; null when there was none
  /// @param evidenceDigest digest of the evidence; null when there is none
  /// @param target the runtime that has to load the result
  /// @param jobs for methods that look at every weight
  public record Subject(
      @Nullable Plan previous,
      String checkpoint,
      @Nullable Evidence evidence,
      @Nullable String evidenceDigest,
      Target target,
      Jobs jobs) {

    /// A subject that is worked on in one thread.
    public Subject(
        @Nullable Plan previous,
        String checkpoint,
        @Nullable Evidence evidence,
        @Nullable String evidenceDigest,
        Target target) {
      this(previous, checkpoint, evidence, evidenceDigest, target, Jobs.IN_TURN);
    }
  }

  private Planner(MoeModel model, Subject subject) {
    this.model = model;
    this.subject = subject;
    this.context = new PlanningContext(model, subject);
  }

  /// Plans a step.
  ///
  /// @throws PlanMismatchException when evidence or target do not fit the model or the decision
  /// @throws IOException when weights that the method looks at cannot be read
  public static Plan plan(MoeModel model, RecipeStep step, Subject subject) throws IOException {
    return planned(model, step, subject).plan();
  }

  /// A plan together with what it means for the tensors of the model.
  public record Planned(Plan plan, LoweredPlan programs) {}

  /// Plans a step, for those who go on with the model that it leaves.
  ///
  /// @throws PlanMismatchException when evidence or target do not fit the model or the decision
  /// @throws IOException when weights that the method looks at cannot be read
  public static Planned planned(MoeModel model, RecipeStep step, Subject subject)
      throws IOException {
    return new Planner(model, subject).planned(step);
  }

  /// Chooses the bits of experts, for a method that must know them before it looks at inputs.
  ///
  /// @throws PlanMismatchException when there are too few, or evidence does not fit the model
  /// @throws IOException when weights cannot be read
  public static ChosenBits bits(MoeModel model, QuantizeStep step, Subject subject)
      throws IOException {
    Planner planner = new Planner(model, subject);
    boolean isAsked = step.options().bits().isPresent();
    Evidence evidence = isAsked ? planner.evidence(step) : Evidence.of(model);
    return new QuantizePlanning(model, step, planner.context).choose(evidence);
  }

  /// Checks all of a step that can be checked without evidence, before any is measured.
  ///
  /// @return what the target has to say of numbers of experts that it takes
  /// @throws PlanMismatchException when the budget leaves too few experts or a number that the
  ///   target does not take, or a protected expert does not exist
  @CanIgnoreReturnValue
  public static List<Finding> preflight(MoeModel model, RecipeStep step, Target target) {
    return new Planner(model, new Subject(null, "", null, null, target)).planning(step).preflight();
  }

  private StepPlanning planning(RecipeStep step) {
    return switch (step) {
      case PruneStep prune -> new PrunePlanning(model, prune, context);
      case MergeStep merge -> new MergePlanning(model, merge, context);
      case SparsifyStep sparsify -> new SparsifyPlanning(model, sparsify, context);
      case QuantizeStep quantize -> new QuantizePlanning(model, quantize, context);
    };
  }

  private Planned planned(RecipeStep step) throws IOException {
    Evidence evidence = evidence(step);
    List<PlanStep> steps = planning(step).decide(evidence);
    LoweredPlan lowered = Lowering.lower(model, steps);
    noteMultiTokenPrediction(lowered);
    ModelLayout after = model.layout().with(lowered.config());
    Plan plan =
        new Plan(
            Plan.FORMAT_VERSION,
            ToolVersion.text(),
            model.layout().config().modelType(),
            subject.previous(),
            subject.checkpoint(),
            subject.evidenceDigest(),
            subject.target().label(),
            Plan.Size.of(model.layout(), model.parameterCount(), model.checkpoint().byteCount()),
            Plan.Size.of(after, lowered.parameterCount(), lowered.byteCount()),
            context.notes(),
            steps);
    return new Planned(plan, lowered);
  }

  /// The evidence, after checking that it is this checkpoint's; for methods that need none, layers
  /// without statistics.
  private Evidence evidence(RecipeStep step) throws IOException {
    Evidence evidence = subject.evidence();
    if (evidence == null) {
      if (!step.needs().isEmpty()) {
        throw needsEvidence(step.name(), step.needs());
      }
      return Evidence.of(model);
    }
    if (!evidence.checkpoint().equals(subject.checkpoint())) {
      throw new PlanMismatchException(
          "the evidence was measured on checkpoint %s, this one is %s. Calibrate this one.",
          evidence.checkpoint(), subject.checkpoint());
    }
    String expected = planning(step).propagation();
    if (!Objects.equals(expected, evidence.propagation())) {
      throw new PlanMismatchException(
          "the evidence was measured with %s (expected %s). Calibrate again.",
          changes(evidence.propagation()), changes(expected));
    }
    List<Integer> layers = List.copyOf(evidence.layers().keySet());
    if (!layers.equals(model.layout().moeLayers())) {
      throw new PlanMismatchException(
          "the evidence has layers %s, the model has experts in %s",
          layers, model.layout().moeLayers());
    }
    return evidence;
  }

  private static String changes(@Nullable String propagation) {
    return propagation == null
        ? "every layer as it is"
        : "each layer changed before the next: " + propagation;
  }

  /// Says that a method cannot decide without calibration.
  public static PlanMismatchException needsEvidence(String method, Set<Statistic> needs) {
    return new PlanMismatchException(
        "method %s needs calibration (%s). Add calibration data to the recipe, or give evidence with"
            + " --evidence.",
        method, needs.stream().map(Statistic::label).sorted().toList());
  }

  private void noteMultiTokenPrediction(LoweredPlan lowered) {
    MultiTokenPrediction extra = model.layout().architecture().multiTokenPrediction();
    Set<String> tensors = model.inventory().multiTokenPrediction();
    boolean allGone = lowered.dropped().keySet().containsAll(tensors);
    if (extra != null && !tensors.isEmpty() && allGone) {
      context.note(
          Checks.text(
              "%d tensors for multi-token prediction are dropped and %s is set to 0: they share the"
                  + " number of experts, and calibration does not reach them",
              tensors.size(), extra.countKey()));
    }
  }
}
