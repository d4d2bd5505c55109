package io.moepress.cli;

import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.calibrate.evaluate.Evaluator;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.cli.report.Comparison;
import io.moepress.cli.report.Comparison.Candidate;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PruneMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// Compares the result of a run, and what other methods would have made, with the original. The
/// outcome is kept in the work directory and serves as long as nothing it depends on changes.
///
/// @param setup what passes may use
/// @param data the texts
/// @param steps what the recipe asks for, which baselines are asked for, too
/// @param terminal where to say what is reused
record Comparing(PassSetup setup, EvaluationData data, String steps, Terminal terminal) {
  private static final String FILE = "evaluation.json";

  /// What another method decides.
  @FunctionalInterface
  interface Baselines {
    /// Decides with `method`.
    StepChain.Decided decide(PruneMethod method) throws IOException;
  }

  /// The written result.
  @FunctionalInterface
  interface Output {
    /// Opens it.
    Checkpoint open() throws IOException;
  }

  /// The contents of `evaluation.json`.
  ///
  /// @param inputs digest of everything it depends on
  record Kept(String inputs, Comparison comparison) {}

  /// Evaluates.
  ///
  /// @param original the source
  /// @param plan what was done to it
  /// @param output the written result
  Comparison compare(
      MoeModel original, Plan plan, List<PruneMethod> baselines, Output output, Baselines others)
      throws IOException {
    String inputs = inputs(plan, baselines);
    Optional<Comparison> kept = kept(inputs);
    if (kept.isPresent()) {
      terminal.say("evaluation: reused " + setup.work().file(FILE) + " (same plan, same texts)");
      return kept.get();
    }
    List<StepChain.Decided> decided = new ArrayList<>(); // before any pass keeps its states
    for (PruneMethod method : baselines) {
      decided.add(others.decide(method));
    }
    PassMemory need = PassMemory.ofComparison(original, data.corpus());
    Evaluator evaluator = new Evaluator(data, setup.resources(need));
    Comparison comparison;
    try (Evaluator.Reference seen = evaluator.run("evaluating the original", original)) {
      Plan.Size before = plan.chain().getFirst().before();
      Evaluation alone = evaluator.score(seen, null);
      Candidate after = new Candidate(name(plan), plan.after(), written(evaluator, seen, output));
      List<Candidate> candidates = new ArrayList<>();
      for (int i = 0; i < baselines.size(); i++) {
        candidates.add(baseline(baselines.get(i), decided.get(i), evaluator, seen));
      }
      comparison = new Comparison(new Candidate("original", before, alone), after, candidates);
    }
    Json.write(setup.work().file(FILE), new Kept(inputs, comparison));
    return comparison;
  }

  private String inputs(Plan plan, List<PruneMethod> baselines) {
    return Fingerprint.ofText(plan.digest() + " " + steps + " " + baselines + " " + data.digest());
  }

  private Optional<Comparison> kept(String inputs) throws IOException {
    Path file = setup.work().file(FILE);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      Kept kept = Json.read(file, Kept.class);
      return kept.inputs().equals(inputs) ? Optional.of(kept.comparison()) : Optional.empty();
    } catch (FormatException e) {
      return Optional.empty(); // of another version; it is made again
    }
  }

  /// The methods of all steps, in order.
  static String name(Plan plan) {
    return plan.chain().stream()
        .flatMap(
            part -> part.steps().stream().flatMap(step -> step.decidedBy().stream()).distinct())
        .collect(Collectors.joining(" + "));
  }

  private static Evaluation written(
      Evaluator evaluator, Evaluator.Reference original, Output output) throws IOException {
    try (Checkpoint written = output.open();
        Evaluator.Reference seen = evaluator.run("evaluating the result", MoeModel.of(written))) {
      return evaluator.score(seen, original);
    }
  }

  /// A baseline is evaluated on its planned view and never written.
  private static Candidate baseline(
      PruneMethod method,
      StepChain.Decided decided,
      Evaluator evaluator,
      Evaluator.Reference original)
      throws IOException {
    try (Evaluator.Reference seen =
        evaluator.run("evaluating " + method.name(), decided.result().model())) {
      return new Candidate(method.name(), decided.plan().after(), evaluator.score(seen, original));
    }
  }
}
