package io.moepress.cli;

import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.calibrate.evaluate.Evaluator;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufWeights;
import io.moepress.recipes.evaluation.Evaluation;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress eval`.
@Command(
    name = "eval",
    description = {
      "Perplexity and multiple choice of a checkpoint; with --reference also the distance from it.",
      "Questions are JSON lines {\"context\": ..., \"choices\": [...], \"answer\": index}."
    },
    mixinStandardHelpOptions = true)
final class EvalCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();
  @Mixin private DataOptions data = new DataOptions();

  @Parameters(
      paramLabel = "MODEL",
      description = "Checkpoint directory, or a GGUF file that convert made of the reference.")
  private Path model = Path.of("");

  @Option(
      names = "--reference",
      paramLabel = "MODEL",
      description = "Checkpoint with the same tokenizer to compare with, usually the original.")
  private @Nullable Path reference;

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    Path tokenizer = GgufSpec.isName(model) ? requireReference() : model;
    try (Checkpoint checkpoint = open();
        Workers workers = common.workers()) {
      EvaluationData files = EvaluationData.read(data.sources(), tokenizer, data.maxTokens());
      Evaluator evaluator =
          new Evaluator(files, PassResources.inMemory(workers, common.progress(terminal)));
      Evaluation evaluation = evaluate(evaluator, MoeModel.of(checkpoint));
      terminal.result(evaluation, text(evaluation));
      return ExitCode.DONE;
    }
  }

  private Checkpoint open() throws IOException {
    if (!GgufSpec.isName(model)) {
      return architecture.open(model);
    }
    // Only names and shapes are asked of the reference.
    try (CheckpointDirectory original = architecture.open(requireReference())) {
      return GgufWeights.open(model, MoeModel.of(original));
    }
  }

  /// A GGUF file has other names, and no configuration that we read.
  private Path requireReference() {
    if (reference == null) {
      throw new RecipeException(
          model + ": a GGUF file (expected --reference with the checkpoint that it was made of)");
    }
    return reference;
  }

  private Evaluation evaluate(Evaluator evaluator, MoeModel model) throws IOException {
    if (reference == null) {
      try (Evaluator.Reference seen = evaluator.run("evaluating", model)) {
        return evaluator.score(seen, null);
      }
    }
    try (CheckpointDirectory original = architecture.open(reference);
        Evaluator.Reference expected = evaluator.run("reference", MoeModel.of(original));
        Evaluator.Reference seen = evaluator.run("evaluating", model)) {
      return evaluator.score(seen, expected);
    }
  }

  private static String text(Evaluation evaluation) {
    StringBuilder text = new StringBuilder();
    if (!evaluation.corpora().isEmpty()) {
      Table table = Table.ofNumbers().row("file", "texts", "tokens", "perplexity");
      for (Evaluation.CorpusScore score : evaluation.corpora()) {
        table.row(
            score.file(),
            "" + score.sequences(),
            "" + score.tokens(),
            Checks.text("%.3f", score.perplexity()));
      }
      text.append(table.text());
    }
    if (!evaluation.choices().isEmpty()) {
      Table table = Table.ofNumbers().row("file", "items", "accuracy", "per character");
      for (Evaluation.ChoiceScore score : evaluation.choices()) {
        table.row(
            score.file(),
            "" + score.items(),
            Checks.text("%.3f", score.accuracy()),
            Checks.text("%.3f", score.accuracyNormalized()));
      }
      text.append(table.text());
    }
    Evaluation.Comparison comparison = evaluation.comparison();
    if (comparison != null) {
      text.append(
          Checks.text(
              "KL divergence from the reference %.5f nats, top-1 agreement %.3f%n",
              comparison.klDivergence(), comparison.top1Agreement()));
    }
    return text.toString();
  }
}
