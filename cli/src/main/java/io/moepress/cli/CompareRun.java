package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.calibrate.evaluate.Evaluator;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.cli.ComparisonReport.Outcome;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.planning.EvidenceNeeds;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.Contender;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeStep;
import io.moepress.recipes.work.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// A comparison, stage by stage: the evidence that all share, every decision, the original, every
/// candidate as a planned view. No weights are written, and what is finished stands in the work
/// directory.
final class CompareRun {
  private static final String ORIGINAL = "original";
  private static final String FOLDER = "comparison";
  private static final double NANOS = 1e9;

  private final OpenRecipe opened;
  private final Recipe recipe;
  private final Terminal terminal;
  private final PassSetup setup;
  private final MoeModel model;
  private final String fingerprint;
  private final List<Contender> contenders;
  private final EvaluationSpec evaluation;
  private final KeptOutcomes kept;

  CompareRun(OpenRecipe opened) throws IOException {
    this.opened = opened;
    this.recipe = opened.recipe();
    this.terminal = opened.terminal();
    this.setup = opened.setup();
    this.model = opened.model();
    this.fingerprint = opened.fingerprint();
    this.contenders = recipe.comparison().orElseThrow().contenders();
    this.evaluation = recipe.evaluation().orElseThrow();
    this.kept = new KeptOutcomes(setup.work().file(FOLDER));
  }

  /// What a candidate decided.
  ///
  /// @param failure why it decided nothing; empty: it decided
  private record Decision(
      Contender contender, StepChain.@Nullable Decided decided, String failure, double seconds) {

    Outcome failed(String reason) {
      return new Outcome(
          contender.name(),
          contender.setting(),
          contender.budget(),
          contender.draw(),
          reason,
          null,
          null,
          seconds,
          0,
          null);
    }

    Outcome outcome(Plan plan, double evaluationSeconds, Evaluation evaluation) {
      return new Outcome(
          contender.name(),
          contender.setting(),
          contender.budget(),
          contender.draw(),
          null,
          plan.digest(),
          plan.after(),
          seconds,
          evaluationSeconds,
          evaluation);
    }
  }

  /// Compares.
  ComparisonReport compare() throws IOException {
    EvaluationData data = opened.read(evaluation);
    StepChain shared = chain();
    requireMemory(shared, data);
    double calibrationSeconds = prepare(shared);
    List<Decision> decisions = decisions(shared); // before any pass keeps its states
    SortedMap<String, String> names = new TreeMap<>();
    evaluation.data().forEach(source -> names.put(source.file().toString(), source.name()));
    Evaluated evaluated = evaluate(data, decisions);
    return new ComparisonReport(
        ComparisonReport.FORMAT_VERSION,
        ToolVersion.text(),
        recipe.model().toString(),
        fingerprint,
        recipe.target().label(),
        recipe.calibration().stream()
            .flatMap(spec -> spec.data().stream())
            .map(DataSource::name)
            .distinct()
            .toList(),
        calibrationSeconds,
        names,
        evaluated.original(),
        evaluated.candidates());
  }

  /// Gets the evidence that all share.
  ///
  /// @return how long measuring it took, in the run that did
  private double prepare(StepChain shared) throws IOException {
    Path note = setup.work().file("calibration.json");
    Path evidence = setup.work().evidence();
    String before = EvidenceFile.isIn(evidence) ? EvidenceFile.digest(evidence) : "";
    long start = System.nanoTime();
    shared.prepare();
    double seconds = secondsSince(start);
    if (!EvidenceFile.isIn(evidence)) {
      return 0; // none is needed, or it was brought along
    }
    String after = EvidenceFile.digest(evidence);
    if (after.equals(before) && Files.isRegularFile(note)) {
      return Json.read(note, Measured.class).seconds();
    }
    Json.write(note, new Measured(after, seconds));
    return seconds;
  }

  /// The contents of `calibration.json`.
  ///
  /// @param evidence digest of what was measured
  record Measured(String evidence, double seconds) {}

  /// The steps of all candidates at once, by which evidence is measured for all of them.
  private StepChain chain() throws IOException {
    List<RecipeStep> steps = contenders.stream().flatMap(it -> it.steps().stream()).toList();
    return opened.chain(recipe.with(steps));
  }

  private void requireMemory(StepChain shared, EvaluationData data) throws IOException {
    if (opened.options().evidence == null && recipe.calibration().isPresent()) {
      CalibrationSpec spec = recipe.calibration().get();
      Corpus corpus = shared.corpus(spec);
      EvidenceRequest request = EvidenceNeeds.of(shared.recipe()).and(Statistic.defaults());
      setup.predicted(Calibration.memory(model, corpus, request));
    }
    setup.predicted(PassMemory.ofComparison(model, data.corpus()));
  }

  private List<Decision> decisions(StepChain shared) throws IOException {
    List<Decision> decisions = new ArrayList<>();
    try (Progress.Task task = setup.progress().begin("deciding", contenders.size(), "candidates")) {
      for (Contender contender : contenders) {
        Decision decision = decide(shared, contender);
        if (decision.decided() == null) {
          terminal.say(contender.title() + ": failed: " + decision.failure());
        }
        decisions.add(decision);
        task.advance(1);
      }
    }
    return decisions;
  }

  private Decision decide(StepChain shared, Contender contender) throws IOException {
    // That its evidence is there already need not be said for every candidate.
    Terminal quiet = new Terminal(terminal.out(), terminal.err(), true, terminal.json());
    long start = System.nanoTime();
    try {
      StepChain chain = shared.with(recipe.with(contender.steps()), new Measuring(setup, quiet));
      chain.preflight();
      StepChain.Decided decided =
          chain.decide(UnaryOperator.identity(), KeptOutcomes.label(contender.title()));
      return new Decision(contender, decided, "", secondsSince(start));
    } catch (PlanMismatchException
        | MissingEvidenceException
        | FormatException
        | IllegalArgumentException e) {
      return new Decision(contender, null, String.valueOf(e.getMessage()), secondsSince(start));
    }
  }

  /// The original, and everything that is compared with it.
  private record Evaluated(Outcome original, List<Outcome> candidates) {}

  /// Evaluates what is not evaluated yet. The original's states are kept as long as there is
  /// something to compare with them.
  private Evaluated evaluate(EvaluationData data, List<Decision> decisions) throws IOException {
    Evaluator evaluator =
        new Evaluator(data, setup.resources(PassMemory.ofComparison(model, data.corpus())));
    Optional<Outcome> original = kept.find(ORIGINAL, inputs(data, fingerprint));
    boolean complete = original.isPresent();
    for (Decision decision : decisions) {
      complete &= decision.decided() == null || find(data, decision).isPresent();
    }
    if (complete) {
      terminal.say("evaluations: reused " + kept.folder() + " (same plans, same texts)");
      return new Evaluated(original.orElseThrow(), candidates(data, decisions, evaluator, null));
    }
    long start = System.nanoTime();
    try (Evaluator.Reference seen = evaluator.run("evaluating the original", model)) {
      Outcome alone = original.isPresent() ? original.get() : original(evaluator, seen, start);
      kept.keep(alone, inputs(data, fingerprint));
      return new Evaluated(alone, candidates(data, decisions, evaluator, seen));
    }
  }

  private Outcome original(Evaluator evaluator, Evaluator.Reference seen, long start)
      throws IOException {
    ModelLayout layout = model.layout();
    CheckpointDirectory checkpoint = opened.checkpoint();
    Plan.Size size =
        new Plan.Size(layout.experts(), checkpoint.parameterCount(), checkpoint.byteCount());
    Evaluation alone = evaluator.score(seen, null);
    return new Outcome(ORIGINAL, "", "", "", null, null, size, 0, secondsSince(start), alone);
  }

  /// @param original to compare with; null when all is kept
  private List<Outcome> candidates(
      EvaluationData data,
      List<Decision> decisions,
      Evaluator evaluator,
      Evaluator.@Nullable Reference original)
      throws IOException {
    List<Outcome> outcomes = new ArrayList<>();
    int reused = 0;
    for (Decision decision : decisions) {
      Optional<Outcome> found = find(data, decision);
      reused += found.isPresent() ? 1 : 0;
      outcomes.add(
          found.isPresent() || original == null
              ? found.orElseGet(() -> decision.failed(decision.failure()))
              : candidate(data, decision, evaluator, original));
    }
    if (reused > 0 && original != null) {
      terminal.say(
          "evaluations: " + reused + " of " + decisions.size() + " reused " + kept.folder());
    }
    return outcomes;
  }

  private Outcome candidate(
      EvaluationData data, Decision decision, Evaluator evaluator, Evaluator.Reference original)
      throws IOException {
    StepChain.Decided decided = decision.decided();
    if (decided == null) {
      return decision.failed(decision.failure());
    }
    String title = decision.contender().title();
    long start = System.nanoTime();
    try (Evaluator.Reference seen =
        evaluator.run("evaluating " + title, decided.result().model())) {
      Evaluation compared = evaluator.score(seen, original);
      Outcome outcome = decision.outcome(decided.plan(), secondsSince(start), compared);
      kept.keep(outcome, inputs(data, decided.plan().digest()));
      return outcome;
    } catch (FormatException | PlanMismatchException e) {
      terminal.say(title + ": failed: " + e.getMessage());
      return decision.failed(String.valueOf(e.getMessage()));
    }
  }

  private Optional<Outcome> find(EvaluationData data, Decision decision) throws IOException {
    StepChain.Decided decided = decision.decided();
    return decided == null
        ? Optional.empty()
        : kept.find(decision.contender().title(), inputs(data, decided.plan().digest()));
  }

  /// A digest of everything an evaluation depends on.
  ///
  /// @param subject of the plan, or of the checkpoint
  private String inputs(EvaluationData data, String subject) {
    return Fingerprint.ofText(
        ToolVersion.text() + " " + fingerprint + " " + subject + " " + data.digest());
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / NANOS;
  }
}
