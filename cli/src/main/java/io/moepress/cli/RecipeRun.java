package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.calibrate.evaluate.TinyForward;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.calibrate.measure.CodeSearch;
import io.moepress.cli.report.Comparison;
import io.moepress.cli.report.Component;
import io.moepress.cli.report.RunFacts;
import io.moepress.cli.report.RunFiles;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufWeights;
import io.moepress.formats.json.Json;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.ApplyMemory;
import io.moepress.recipes.apply.CardFile;
import io.moepress.recipes.card.CardScores;
import io.moepress.recipes.card.ModelCard;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.GgufCheck;
import io.moepress.recipes.plan.LearnedPruning;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.planning.EvidenceNeeds;
import io.moepress.recipes.planning.Planner;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.MergeStep;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.recipe.QuantizeStep;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeStep;
import io.moepress.recipes.recipe.SparsifyStep;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Journal;
import io.moepress.recipes.work.Journal.Stage;
import io.moepress.recipes.work.MemoryBudget;
import io.moepress.recipes.work.WorkDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// The main job, stage by stage: evidence, plan, checkpoint, verification, evaluation.
///
/// The command decides which stages run; each stage says what it made and where it is. Whatever is
/// finished stands in the work directory, and a stage that finds its result there uses it.
final class RecipeRun {
  private final OpenRecipe opened;
  private final Recipe recipe;
  private final Terminal terminal;
  private final PassSetup setup;
  private final MoeModel model;
  private final StepChain steps;
  private final Optional<Journal> last;
  private final Optional<GgufOutput> gguf;

  private Journal journal;
  private StepChain.@Nullable Decided decided;
  private @Nullable EvaluationData data;
  private Plan.@Nullable Size size;

  /// Says what has changed since the last run in the work directory.
  RecipeRun(OpenRecipe opened) throws IOException {
    this.opened = opened;
    this.recipe = opened.recipe();
    this.terminal = opened.terminal();
    this.setup = opened.setup();
    this.model = opened.model();
    this.steps = opened.chain(recipe);
    this.last = Journal.last(setup.work());
    this.gguf = recipe.gguf().map(spec -> new GgufOutput(opened, spec, steps));
    this.journal = Journal.begin(steps.fingerprint(), recipe.sha256());
    last.ifPresent(before -> journal.changesSince(before).forEach(terminal::say));
  }

  /// Where everything is kept.
  WorkDirectory work() {
    return setup.work();
  }

  /// Finds mistakes before anything is measured: budget, protected experts, methods without the
  /// evidence they need, memory, evaluation files.
  void preflight() throws IOException {
    steps.preflight();
    if (gguf.isPresent()) {
      gguf.get().preflight();
    }
    boolean measured = opened.options().evidence != null || recipe.calibration().isPresent();
    if (!measured) {
      recipe.steps().forEach(step -> requireNoNeeds(step.name(), step.needs()));
      recipe
          .evaluation()
          .ifPresent(spec ->
              spec.baselines().forEach(method -> requireNoNeeds(method.name(), method.needs())));
    }
    if (recipe.steps().size() > 1
        && recipe.calibration().isEmpty()
        && recipe.steps().stream().skip(1).anyMatch(step -> !step.needs().isEmpty())) {
      throw new RecipeException(
          recipe.file()
              + ": steps: the second step is measured on the result of the first (expected"
              + " calibration data in the recipe)");
    }
    if (opened.options().evidence != null && steps.isSequential()) {
      terminal.say(
          "--evidence: a sequential step is measured again, each layer behind its predecessors as they"
              + " will be; with \"sequential: false\" the evidence is used");
    }
    if (opened.options().evidence != null && !steps.searches().isEmpty()) {
      terminal.say(
          "--evidence: it holds no inputs of weights, so quantize makes a pass of its own");
    }
    predictedMemory();
  }

  private static void requireNoNeeds(String method, Set<Statistic> needs) {
    if (!needs.isEmpty()) {
      throw Planner.needsEvidence(method, needs);
    }
  }

  /// The most memory this run will use, the program included.
  ///
  /// @throws io.moepress.formats.FormatException when that is more than it may use
  long predictedMemory() throws IOException {
    long predicted = MemoryBudget.PROGRAM;
    boolean measures =
        opened.options().evidence == null
            || recipe.steps().size() > 1
            || steps.isSequential()
            || !learned().isEmpty();
    if (measures && recipe.calibration().isPresent()) {
      Corpus corpus = steps.corpus(recipe.calibration().get());
      EvidenceRequest request = EvidenceNeeds.of(recipe).and(Statistic.defaults());
      PassMemory need = Calibration.memory(model, corpus, request);
      predicted = setup.predicted(steps.isSequential() ? need.revising() : need);
      for (LearnedPruning method : learned()) {
        predicted = Math.max(predicted, setup.predicted(Learning.memory(model, corpus, method)));
      }
    }
    if (recipe.calibration().isPresent()) {
      Corpus corpus = steps.corpus(recipe.calibration().get());
      for (CodeSearch search : steps.searches()) {
        predicted = Math.max(predicted, setup.predicted(search.memory(model, corpus)));
      }
      predicted = Math.max(predicted, measuringResult(corpus));
    }
    if (recipe.evaluation().isPresent()) {
      PassMemory need = PassMemory.ofComparison(model, data(recipe.evaluation().get()).corpus());
      predicted = Math.max(predicted, setup.predicted(need));
    }
    return predicted;
  }

  /// The most memory that the pass uses by which types of GGUF are chosen, if there is one.
  private long measuringResult(Corpus corpus) {
    Set<Statistic> needs = gguf.map(GgufOutput::needs).orElse(Set.of());
    EvidenceRequest request = EvidenceRequest.of(needs).and(Statistic.defaults());
    return needs.isEmpty() ? 0 : setup.predicted(Calibration.memory(model, corpus, request));
  }

  /// The methods that learn before they decide.
  private List<LearnedPruning> learned() {
    List<PruneMethod> methods = new ArrayList<>();
    for (RecipeStep step : recipe.steps()) {
      switch (step) {
        case PruneStep prune -> methods.add(prune.method());
        case MergeStep merge -> {} // no method that merges learns
        case SparsifyStep sparsify -> {} // learns nothing
        case QuantizeStep quantize -> {} // learns nothing
      }
    }
    recipe.evaluation().ifPresent(spec -> methods.addAll(spec.baselines()));
    List<LearnedPruning> learned = new ArrayList<>();
    for (PruneMethod method : methods) {
      if (method instanceof LearnedPruning own && own.given().isEmpty()) {
        learned.add(own);
      }
    }
    return learned;
  }

  /// What applying the plan will take.
  String predictions(Plan plan) throws IOException {
    return Checks.text(
        "the run: memory at most %s (allowed %s); %s of disk, %s to read",
        new ByteSize(predictedInAll()).rounded(),
        new ByteSize(setup.budget().bytes()).rounded(),
        new ByteSize(size().bytes()).rounded(),
        new ByteSize(plan.after().bytes()).rounded());
  }

  /// The most memory this run will use, writing and verifying what is decided included.
  private long predictedInAll() throws IOException {
    int jobs = setup.workers().threads();
    long writing = jobs * ApplyMemory.perJob(decided().result().programs());
    long verifying = gguf.isPresent() ? 0 : TinyForward.memory(verified()).peak(jobs, false);
    return Math.max(predictedMemory(), MemoryBudget.PROGRAM + Math.max(writing, verifying));
  }

  /// The model whose layers are as large as those of the result. That is the source, unless weights
  /// get another type: of a large model the view of the result is expensive.
  private MoeModel verified() throws IOException {
    boolean quantizes =
        decided().plan().chain().stream()
            .flatMap(part -> part.steps().stream())
            .anyMatch(QuantizeWeights.class::isInstance);
    return quantizes ? decided().result().model() : model;
  }

  /// The texts to evaluate on, read at most once.
  private EvaluationData data(EvaluationSpec spec) throws IOException {
    if (data == null) {
      data = opened.read(spec);
    }
    return data;
  }

  /// Decides, and says when the decision is another one than in the last run.
  Plan plan() throws IOException {
    Plan plan = decided().plan();
    journal = journal.planned(plan.evidence(), plan.digest());
    List<String> said =
        last.map(Journal.begin(journal.checkpoint(), journal.recipe())::changesSince)
            .orElse(List.of());
    last.ifPresent(old ->
        journal.changesSince(old).stream()
            .filter(change -> !said.contains(change))
            .forEach(terminal::say));
    journal.write(work());
    keepRecipe();
    return plan;
  }

  /// Whoever reads the documents of a run wants to know what was asked.
  private void keepRecipe() throws IOException {
    Files.copy(recipe.file(), work().file(RunFiles.RECIPE), StandardCopyOption.REPLACE_EXISTING);
  }

  private StepChain.Decided decided() throws IOException {
    if (decided == null) {
      decided = steps.decide(UnaryOperator.identity(), "");
    }
    return decided;
  }

  /// Writes a plan, with the directories on the way.
  static void write(Plan plan, Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    plan.write(file);
  }

  /// Writes the checkpoint, or the GGUF file.
  ///
  /// @return its size
  Plan.Size apply(boolean overwrite) throws IOException {
    if (gguf.isPresent()) {
      size = gguf.get().write(decided().plan(), decided().result().model(), overwrite);
    } else {
      applyDirectory(overwrite);
    }
    journal = journal.at(Stage.WRITTEN);
    journal.write(work());
    return size();
  }

  private void applyDirectory(boolean overwrite) throws IOException {
    Applier applier = new Applier(opened.checkpoint(), setup.workers(), setup.progress());
    Outputs.write(
        applier,
        decided().plan(),
        decided().result().programs(),
        new Applier.Output(recipe.output(), overwrite, recipe.maxShardSize()),
        terminal);
  }

  /// The size of what is written.
  Plan.Size size() throws IOException {
    if (size == null) {
      Plan plan = decided().plan();
      size = gguf.isPresent() ? gguf.get().size(plan, decided().result().model()) : plan.after();
    }
    return size;
  }

  /// Reads what was written back.
  List<Check> verify() throws IOException {
    if (gguf.isPresent()) {
      return GgufCheck.of(recipe.output());
    }
    try (CheckpointDirectory written = recipe.open(recipe.output())) {
      return VerifyCommand.checks(written, setup.workers(), setup.progress(), recipe.target());
    }
  }

  /// Evaluates original, result and baselines on the same texts.
  Comparison evaluate(EvaluationSpec spec) throws IOException {
    String asked = recipe.steps() + (gguf.isPresent() ? gguf.get().digest() : "");
    return new Comparing(setup, data(spec), asked, terminal)
        .compare(
            model,
            decided().plan(),
            List.copyOf(spec.baselines()),
            this::openOutput,
            this::baseline)
        .withSize(size());
  }

  private Checkpoint openOutput() throws IOException {
    return gguf.isPresent()
        ? GgufWeights.open(recipe.output(), decided().result().model())
        : recipe.open(recipe.output());
  }

  /// A baseline is the recipe with another method in every step.
  private StepChain.Decided baseline(PruneMethod method) throws IOException {
    return steps.decide(
        step ->
            switch (step) {
              case PruneStep prune -> prune.with(method);
              case MergeStep merge -> merge.pruned(method);
              case SparsifyStep sparsify -> sparsify;
              case QuantizeStep quantize -> quantize;
            },
        method.name());
  }

  /// Says in the card of the output how good it is. A GGUF file has none.
  ///
  /// @param comparison null where nothing was evaluated
  void score(@Nullable Comparison comparison, List<Outcome> gates) throws IOException {
    if (gguf.isPresent()) {
      return;
    }
    CardScores scores =
        comparison == null
            ? null
            : new CardScores(
                comparison.before().evaluation(), comparison.after().evaluation(), gates);
    ModelCard card = CardFile.of(opened.checkpoint(), decided().plan());
    if (!CardFile.score(card, scores, recipe.output())) {
      terminal.say(
          recipe.output().resolve(ModelCard.FILE) + ": edited since it was written: kept as it is");
    }
  }

  /// Notes what it took and where the bytes are, and, when all is well, that everything is done.
  ///
  /// @param verified whether the output is sound
  void finish(boolean verified, StageClock clock) throws IOException {
    OptionalLong peak = MemoryBudget.peak(); // before more of the model is looked at
    long predicted = predictedInAll();
    Json.write(
        work().file(RunFacts.FILE),
        new RunFacts(
            decided().plan().digest(),
            clock.stages(),
            peak.isPresent() ? peak.getAsLong() : null,
            predicted,
            setup.budget().bytes(),
            verified && gguf.isEmpty() ? components() : List.of()));
    if (verified) {
      journal = journal.at(Stage.FINISHED);
      journal.write(work());
    }
    terminal.say(MemoryText.of(predicted, setup.budget()));
  }

  private List<Component> components() throws IOException {
    try (CheckpointDirectory written = recipe.open(recipe.output())) {
      return Component.of(model, MoeModel.of(written));
    }
  }
}
