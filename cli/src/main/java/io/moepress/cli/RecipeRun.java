package io.moepress.cli;

import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.calibrate.evaluate.Evaluator;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.Manifest;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.planning.Planner;
import io.moepress.recipes.planning.Planner.Subject;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeStep;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The main job, stage by stage: evidence, plan, checkpoint, verification, evaluation.
///
/// The command decides which stages run; each stage says what it made and where it is.
final class RecipeRun implements Closeable {
  private final Recipe recipe;
  private final RecipeOptions options;
  private final Workers workers;
  private final Progress progress;
  private final Terminal terminal;
  private final CheckpointDirectory checkpoint;
  private final MoeModel model;
  private final String fingerprint;

  private @Nullable Subject subject;
  private @Nullable EvaluationData data;

  private RecipeRun(Surroundings around, CheckpointDirectory checkpoint) throws IOException {
    this.recipe = around.recipe();
    this.options = around.options();
    this.workers = around.workers();
    this.progress = around.progress();
    this.terminal = around.terminal();
    this.checkpoint = checkpoint;
    this.model = MoeModel.of(checkpoint);
    this.fingerprint = Fingerprint.of(checkpoint);
  }

  private record Surroundings(
      Recipe recipe,
      RecipeOptions options,
      Workers workers,
      Progress progress,
      Terminal terminal) {}

  /// A method at the recipe's budget, evaluated.
  ///
  /// @param name the method
  /// @param size what is left
  /// @param evaluation how good it is, compared with the original
  record Candidate(String name, Plan.Size size, Evaluation evaluation) {}

  /// Everything that was evaluated.
  ///
  /// @param before the original
  /// @param after the result
  /// @param baselines other methods at the same budget, which are not written
  record Comparison(Candidate before, Candidate after, List<Candidate> baselines) {}

  /// Opens the recipe's checkpoint.
  static RecipeRun open(
      Recipe recipe, RecipeOptions options, Workers workers, Progress progress, Terminal terminal)
      throws IOException {
    CheckpointDirectory checkpoint = recipe.open(recipe.model());
    boolean opened = false;
    try {
      Surroundings around = new Surroundings(recipe, options, workers, progress, terminal);
      RecipeRun run = new RecipeRun(around, checkpoint);
      opened = true;
      return run;
    } finally {
      if (!opened) {
        checkpoint.close();
      }
    }
  }

  /// Where evidence, plan and results are kept.
  Path workDirectory() {
    return options.workDirectory != null
        ? options.workDirectory
        : recipe.output().resolveSibling(recipe.output().getFileName() + ".work");
  }

  /// The output appears by one rename, so nothing may be kept inside it meanwhile.
  void requireWorkOutside() {
    Path work = workDirectory().toAbsolutePath().normalize();
    if (work.startsWith(recipe.output().toAbsolutePath().normalize())) {
      throw new RecipeException(
          "--work-dir " + workDirectory() + ": inside the output (expected another directory)");
    }
  }

  /// Finds mistakes before anything is measured: budget, protected experts, methods without the
  /// evidence they need, evaluation files.
  void preflight() throws IOException {
    Planner.preflight(model, step(), recipe.target());
    List<PruneMethod> methods = new ArrayList<>(List.of(step().method()));
    recipe.evaluation().ifPresent(spec -> methods.addAll(spec.baselines()));
    boolean measured = options.evidence != null || recipe.calibration().isPresent();
    for (PruneMethod method : methods) {
      if (!measured && !method.needs().isEmpty()) {
        throw Planner.needsEvidence(method);
      }
    }
    if (recipe.evaluation().isPresent()) {
      data(recipe.evaluation().get());
    }
  }

  /// The texts to evaluate on, read at most once.
  private EvaluationData data(EvaluationSpec spec) throws IOException {
    if (data == null) {
      data = EvaluationData.read(spec.data(), checkpoint.directory(), spec.maxTokens());
    }
    return data;
  }

  /// Decides.
  Plan plan() throws IOException {
    return Planner.plan(model, step(), subject());
  }

  /// Writes a plan, with the directories on the way.
  void write(Plan plan, Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    plan.write(file);
  }

  private PruneStep step() {
    if (recipe.steps().size() > 1) {
      throw new RecipeException(
          recipe.file()
              + ": steps: "
              + recipe.steps().size()
              + " (expected one). Run one recipe on the output of another.");
    }
    RecipeStep step = recipe.steps().getFirst();
    return switch (step) {
      case PruneStep prune -> prune;
    };
  }

  /// The evidence to plan from, measured at most once.
  private Subject subject() throws IOException {
    if (subject == null) {
      subject = newSubject();
    }
    return subject;
  }

  private Subject newSubject() throws IOException {
    Path directory =
        options.evidence != null ? options.evidence : workDirectory().resolve("evidence");
    Evidence evidence = evidence(directory);
    String digest = evidence == null ? null : EvidenceFile.digest(directory);
    return new Subject(fingerprint, evidence, digest, recipe.target());
  }

  private @Nullable Evidence evidence(Path directory) throws IOException {
    if (options.evidence != null) {
      return EvidenceFile.read(directory);
    }
    if (recipe.calibration().isEmpty()) {
      return null;
    }
    return new Measuring(workers, progress, terminal)
        .measure(checkpoint, fingerprint, recipe.calibration().get(), recipe.seed(), directory);
  }

  /// Writes the checkpoint.
  Manifest apply(Plan plan, boolean overwrite) throws IOException {
    return new Applier(checkpoint, workers, progress)
        .apply(
            plan,
            Lowering.lower(model, plan.steps()),
            new Applier.Output(recipe.output(), overwrite, recipe.maxShardSize()));
  }

  /// Reads the written checkpoint back.
  List<Check> verify() throws IOException {
    try (CheckpointDirectory written = recipe.open(recipe.output())) {
      return VerifyCommand.checks(written, workers, progress, recipe.target());
    }
  }

  /// Evaluates original, result and baselines on the same texts.
  Comparison evaluate(Plan plan, EvaluationSpec spec) throws IOException {
    Evaluator evaluator = new Evaluator(data(spec), workers, progress);
    try (Evaluator.Reference original = evaluator.run("evaluating the original", model)) {
      Candidate before = new Candidate("original", plan.before(), evaluator.score(original, null));
      Candidate after =
          new Candidate(step().method().name(), plan.after(), result(evaluator, original));
      List<Candidate> baselines = new ArrayList<>();
      for (PruneMethod method : spec.baselines()) {
        baselines.add(baseline(method, evaluator, original));
      }
      return new Comparison(before, after, baselines);
    }
  }

  private Evaluation result(Evaluator evaluator, Evaluator.Reference original) throws IOException {
    try (CheckpointDirectory written = recipe.open(recipe.output());
        Evaluator.Reference seen = evaluator.run("evaluating the result", MoeModel.of(written))) {
      return evaluator.score(seen, original);
    }
  }

  /// A baseline is evaluated on its planned view and never written.
  private Candidate baseline(PruneMethod method, Evaluator evaluator, Evaluator.Reference original)
      throws IOException {
    PruneStep step = step();
    PruneStep other = new PruneStep(method, step.budget(), step.protection(), step.router());
    Plan plan = Planner.plan(model, other, subject());
    try (PlannedCheckpoint view =
            new PlannedCheckpoint(checkpoint, Lowering.lower(model, plan.steps()));
        Evaluator.Reference seen =
            evaluator.run("evaluating " + method.name(), MoeModel.of(view))) {
      return new Candidate(method.name(), plan.after(), evaluator.score(seen, original));
    }
  }

  @Override
  public void close() throws IOException {
    checkpoint.close();
  }
}
