package io.moepress.cli;

import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.work.MemoryBudget;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.WorkDirectory;
import io.moepress.recipes.work.Workers;
import io.moepress.recipes.work.Workers.Begun;
import java.io.Closeable;
import java.io.IOException;

/// A recipe with everything it needs at hand: its checkpoint is open, and its work directory is
/// held.
///
/// @param terminal where messages go
/// @param setup threads, progress, memory and the work directory
/// @param model the checkpoint as a model
/// @param fingerprint of the checkpoint
record OpenRecipe(
    Recipe recipe,
    RecipeOptions options,
    Terminal terminal,
    PassSetup setup,
    CheckpointDirectory checkpoint,
    MoeModel model,
    String fingerprint)
    implements Closeable {

  /// Opens the recipe's checkpoint and its work directory.
  static OpenRecipe open(
      Recipe recipe, RecipeOptions options, CommonOptions common, Workers workers)
      throws IOException {
    Terminal terminal = common.terminal();
    CheckpointDirectory checkpoint = recipe.open(recipe.model());
    boolean finished = false;
    try (Begun<String> fingerprint = workers.begin(() -> Fingerprint.of(checkpoint))) {
      MoeModel model = MoeModel.of(checkpoint);
      String name = fingerprint.result();
      Progress progress = common.progress(terminal);
      MemoryBudget budget = common.memory();
      // From here on others are locked out, so nothing may fail any more.
      WorkDirectory work = WorkDirectory.open(options.workDirectory(recipe));
      PassSetup setup = new PassSetup(workers, progress, budget, work);
      OpenRecipe opened = new OpenRecipe(recipe, options, terminal, setup, checkpoint, model, name);
      finished = true;
      return opened;
    } finally {
      if (!finished) {
        checkpoint.close();
      }
    }
  }

  /// The steps of a recipe like this one, to be decided one after the other.
  StepChain chain(Recipe steps) {
    return new StepChain(
        steps, model, fingerprint, new Measuring(setup, terminal), options.evidence);
  }

  /// The texts of an evaluation.
  EvaluationData read(EvaluationSpec spec) throws IOException {
    return EvaluationData.read(spec.data(), checkpoint.directory(), spec.maxTokens());
  }

  @Override
  public void close() throws IOException {
    try (checkpoint) {
      setup.work().close();
    }
  }
}
