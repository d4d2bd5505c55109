package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.measure.CodeSearch;
import io.moepress.calibrate.measure.LayerDecision;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.prune.MagnitudeSparsity;
import io.moepress.prune.RandomPruning;
import io.moepress.quantize.RoundToNearest;
import io.moepress.recipes.apply.PlannedModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.AllocationMode;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.LearnedPruning;
import io.moepress.recipes.plan.MergeRouter;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.planning.EvidenceNeeds;
import io.moepress.recipes.planning.Planner;
import io.moepress.recipes.planning.Planner.Planned;
import io.moepress.recipes.planning.Planner.Subject;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.MergeStep;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.recipe.QuantizeStep;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeStep;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Decides the steps of a recipe one after the other. Each is measured and planned on what those
/// before it make of the model, without that being written.
final class StepChain {
  private static final Protection NO_PROTECTION = new Protection(false, List.of());

  private final Recipe recipe;
  private final MoeModel model;
  private final String fingerprint;
  private final Measuring measuring;
  private final @Nullable Path given;

  private @Nullable Corpus corpus;

  /// Prepares.
  ///
  /// @param fingerprint of the checkpoint
  /// @param given evidence for the first step that the user brings along; null: none
  StepChain(
      Recipe recipe,
      MoeModel model,
      String fingerprint,
      Measuring measuring,
      @Nullable Path given) {
    this.recipe = recipe;
    this.model = model;
    this.fingerprint = fingerprint;
    this.measuring = measuring;
    this.given = given;
  }

  /// The same for other steps of the same recipe. The texts are shared.
  StepChain with(Recipe other, Measuring how) {
    StepChain chain = new StepChain(other, model, fingerprint, how, given);
    chain.corpus = corpus;
    return chain;
  }

  /// The fingerprint of the source.
  String fingerprint() {
    return fingerprint;
  }

  /// What it decides.
  Recipe recipe() {
    return recipe;
  }

  /// Gets the evidence that the first step is planned from, with all that any step needs.
  void prepare() throws IOException {
    if (given == null) {
      measured(model, fingerprint, directory(0, ""));
    }
  }

  /// The decision.
  ///
  /// @param plan the last plan; it knows those before it
  /// @param result the model under all of them
  record Decided(Plan plan, PlannedModel result) {}

  /// Decides all steps.
  ///
  /// @param variant what to do with each step before it is decided
  /// @param label part of the names of evidence that only this variant needs; empty for the recipe
  ///   itself
  Decided decide(UnaryOperator<RecipeStep> variant, String label) throws IOException {
    PlannedModel current = PlannedModel.of(model);
    Plan plan = null;
    for (int index = 0; index < recipe.steps().size(); index++) {
      RecipeStep step = variant.apply(recipe.steps().get(index));
      Planned planned = plan(step, current.model(), plan, index, label);
      plan = planned.plan();
      current = current.then(planned.programs());
    }
    if (plan == null) {
      throw new IllegalStateException("a recipe has steps");
    }
    return new Decided(plan, current);
  }

  /// The step, with the scores that its method learns before it decides.
  private PruneStep learned(PruneStep step, MoeModel current, Subject subject) throws IOException {
    return step.method() instanceof LearnedPruning method
        ? step.with(method.with(scores(method, current, subject.checkpoint())))
        : step;
  }

  private LearnedScores scores(LearnedPruning method, MoeModel current, String name)
      throws IOException {
    if (current.layout().distinctExperts().size() > 1) {
      throw new PlanMismatchException(
          "method %s learns of models whose layers have equally many experts (this one: %s). Begin with"
              + " another model, or with another method.",
          method.name(), current.layout().expertCounts());
    }
    if (method.given().isPresent()) {
      return Learning.given(method.given().get(), name);
    }
    CalibrationSpec spec =
        recipe
            .calibration()
            .orElseThrow(() ->
                new RecipeException(
                    recipe.file()
                        + ": method "
                        + method.name()
                        + " learns from texts (expected calibration data in the recipe, or"
                        + " \"learned\" with a file of scores)"));
    return new Learning(measuring.setup(), measuring.terminal())
        .learn(current, name, corpus(spec), method);
  }

  private Planned plan(
      RecipeStep step, MoeModel current, @Nullable Plan previous, int index, String label)
      throws IOException {
    return switch (step) {
      case PruneStep prune -> {
        Subject subject = subject(current, previous, index, label);
        yield Planner.planned(current, learned(prune, current, subject), subject);
      }
      case MergeStep merge ->
          Planner.planned(current, merge, subject(current, previous, index, label));
      case QuantizeStep quantize when quantize.method() instanceof CalibratedQuantization method ->
          found(
              quantize,
              method,
              current,
              quantize.options().bits().isPresent()
                  ? subject(current, previous, index, label)
                  : subject(previous));
      case QuantizeStep quantize ->
          Planner.planned(current, quantize, subject(current, previous, index, label));
      case SparsifyStep sparsify -> {
        Subject bare = subject(previous);
        SparsityEvidence evidence =
            new SparsityEvidence(sparsify, current, bare, sequential(index, label));
        yield evidence.plan(
            () -> subject(current, previous, index, label),
            (decision, directory) ->
                measured(current, bare.checkpoint(), directory, sparsify, decision));
      }
    };
  }

  /// The plan of a step that makes a pass of its own.
  private Planned found(
      QuantizeStep step, CalibratedQuantization method, MoeModel current, Subject subject)
      throws IOException {
    CalibrationSpec spec = calibration("quantize looks at the inputs of weights", "");
    QuantizeStep decided =
        new Quantizing(measuring.setup(), measuring.terminal())
            .decided(
                step,
                method,
                Planner.bits(current, step, subject),
                new CodeSearch.Question(
                    current, subject.checkpoint(), corpus(spec), spec.maxTokens()));
    return Planner.planned(current, decided, subject);
  }

  /// A step that is planned without evidence.
  private Subject subject(@Nullable Plan previous) {
    String name = previous == null ? fingerprint : previous.resultFingerprint();
    return new Subject(previous, name, null, null, recipe.target(), measuring.setup().workers());
  }

  /// What is measured on.
  private CalibrationSpec calibration(String why, String otherwise) {
    return recipe
        .calibration()
        .orElseThrow(() ->
            new RecipeException(
                recipe.file()
                    + ": steps: "
                    + why
                    + " (expected calibration data in the recipe). Add some"
                    + otherwise));
  }

  /// Finds mistakes in any step before anything is measured.
  void preflight() throws IOException {
    preflight(model, recipe.steps(), recipe.target());
  }

  /// The same for any steps. What those before a step keep does not matter for that, only how many:
  /// here it is drawn by lot.
  static void preflight(MoeModel model, List<RecipeStep> steps, Target target) throws IOException {
    PlannedModel current = PlannedModel.of(model);
    Plan previous = null;
    for (int index = 0; index < steps.size(); index++) {
      RecipeStep step = steps.get(index);
      Planner.preflight(current.model(), step, target);
      if (index < steps.size() - 1) {
        Planned planned =
            drawn(current.model(), step, new Subject(previous, "", null, null, target));
        previous = planned.plan();
        current = current.then(planned.programs());
      }
    }
  }

  /// A plan that leaves a model of the same shape as a step will.
  private static Planned drawn(MoeModel model, RecipeStep step, Subject subject)
      throws IOException {
    return switch (step) {
      case PruneStep prune -> {
        requireNoMask(prune);
        PruneStep lots =
            new PruneStep(
                new RandomPruning(0),
                prune.budget(),
                NO_PROTECTION,
                prune.router(),
                prune.counts().spread(AllocationMode.UNIFORM));
        yield Planner.planned(model, lots, subject);
      }
      case MergeStep merge -> {
        requireNoMap(merge);
        PruneStep lots =
            new PruneStep(
                new RandomPruning(0),
                merge.budget(),
                NO_PROTECTION,
                merge.routing(),
                merge.counts().spread(AllocationMode.UNIFORM));
        yield Planner.planned(model, lots, subject);
      }
      case SparsifyStep sparsify ->
          Planner.planned(model, sparsify.with(new MagnitudeSparsity()), subject);
      case QuantizeStep quantize ->
          Planner.planned(model, quantize.plainly(new RoundToNearest()), subject);
    };
  }

  /// Nothing in a masked model says which experts are masked, so a step behind it would keep some.
  private static void requireNoMask(PruneStep step) {
    if (step.router().mode() == RouterMode.MASK) {
      throw new PlanMismatchException(
          "router: mask in a step that others follow (expected slice). Mask in the last step.");
    }
  }

  /// Evidence and decisions are about experts that have a router row each.
  private static void requireNoMap(MergeStep step) {
    if (step.options().router().keepsRows()) {
      throw new PlanMismatchException(
          "router: %s in a step that others follow (expected %s, %s or %s). Merge so in the last step.",
          step.options().router().label(),
          MergeRouter.DOMINANT.label(),
          MergeRouter.MEAN.label(),
          MergeRouter.FREQUENCY_MEAN.label());
    }
  }

  /// Whether some step changes layers while it measures them.
  boolean isSequential() {
    return recipe.steps().stream()
        .anyMatch(step -> step instanceof SparsifyStep sparsify && sparsify.isSequential());
  }

  /// The steps that find codes by a pass of their own.
  List<CodeSearch> searches() {
    List<CodeSearch> searches = new ArrayList<>();
    for (RecipeStep step : recipe.steps()) {
      if (step instanceof QuantizeStep quantize
          && quantize.method() instanceof CalibratedQuantization method) {
        searches.add(new CodeSearch(method, quantize.options()));
      }
    }
    return searches;
  }

  private Subject subject(MoeModel current, @Nullable Plan previous, int index, String label)
      throws IOException {
    String name = previous == null ? fingerprint : previous.resultFingerprint();
    Path directory = directory(index, label);
    Evidence evidence =
        index == 0 && given != null ? given(given) : measured(current, name, directory);
    String digest = evidence == null ? null : EvidenceFile.digest(directory);
    return new Subject(
        previous, name, evidence, digest, recipe.target(), measuring.setup().workers());
  }

  /// Evidence that the user brings along must hold what the recipe needs.
  private Evidence given(Path directory) throws IOException {
    Evidence evidence = EvidenceFile.read(directory);
    evidence.requireHeld(EvidenceNeeds.of(recipe));
    return evidence;
  }

  /// The first step of every variant begins with the same model, so its evidence serves all.
  private Path directory(int index, String label) {
    if (index == 0) {
      return given != null ? given : measuring.setup().work().evidence();
    }
    String variant = label.isEmpty() ? "" : "-" + label;
    return measuring.setup().work().file("evidence" + variant + "-" + (index + 1));
  }

  /// Where evidence is kept that was measured while layers were changed.
  private Path sequential(int index, String label) {
    String variant = label.isEmpty() ? "" : "-" + label; // it depends on what is decided, too
    return measuring.setup().work().file("evidence-sequential" + variant + "-" + (index + 1));
  }

  private @Nullable Evidence measured(MoeModel current, String name, Path directory)
      throws IOException {
    if (recipe.calibration().isEmpty()) {
      return null;
    }
    CalibrationSpec spec = recipe.calibration().get();
    // Cheap statistics are gathered whether needed or not, so that other methods find them.
    return measuring.measure(
        new Measuring.Question(current, name, corpus(spec), spec.maxTokens()),
        EvidenceNeeds.of(recipe),
        Statistic.defaults(),
        directory);
  }

  /// Evidence of what the last step leaves.
  ///
  /// @param name names the model
  /// @param needed what it is to hold
  Evidence ofResult(MoeModel result, String name, EvidenceRequest needed) throws IOException {
    CalibrationSpec spec = calibration("types are chosen by what is measured on the result", "");
    return measuring.measure(
        new Measuring.Question(result, name, corpus(spec), spec.maxTokens()),
        needed,
        Statistic.defaults(),
        measuring.setup().work().file("evidence-result"));
  }

  /// Evidence in which each layer was changed before the next was measured.
  private Evidence measured(
      MoeModel current, String name, Path directory, SparsifyStep step, LayerDecision decision)
      throws IOException {
    CalibrationSpec spec =
        calibration(
            "sparsify measures each layer behind its predecessors",
            ", or say \"sequential: false\"");
    return measuring.measure(
        new Measuring.Question(current, name, corpus(spec), spec.maxTokens(), decision),
        EvidenceNeeds.of(step),
        Statistic.defaults(),
        directory);
  }

  /// The texts, read at most once.
  Corpus corpus(CalibrationSpec spec) throws IOException {
    if (corpus == null) {
      corpus = CorpusReader.read(recipe.model(), spec, recipe.seed());
    }
    return corpus;
  }
}
