package io.moepress.cli;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeReader;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress plan`.
@Command(
    name = "plan",
    description = {
      "Decides and explains, and writes no weights. Calibrates first where needed.",
      "With --retained-experts: makes a plan of another tool's report for the checkpoint MODEL."
    },
    mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private RecipeOptions options = new RecipeOptions();

  @Parameters(
      paramLabel = "RECIPE|MODEL",
      description = "Recipe file (YAML); with --retained-experts a checkpoint directory.")
  private Path recipe = Path.of("");

  @Option(
      names = "--retained-experts",
      paramLabel = "FILE",
      description = "A report such as {\"model.layers.3.mlp\": [0, 2]}.")
  private @Nullable Path report;

  @Option(
      names = "--target",
      paramLabel = "RUNTIME",
      completionCandidates = Targets.class,
      description =
          "With --retained-experts: the runtime that has to load the result. Default:"
              + " transformers.")
  private @Nullable String target;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where to write the plan. Default: plan.json in the work directory.")
  private @Nullable Path output;

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    if (report != null) {
      return planReport(report, terminal);
    }
    if (target != null) {
      throw new RecipeException("--target: " + recipe + " says its target. Change it there");
    }
    Recipe read = RecipeReader.read(recipe, new Methods()).requireSteps();
    try (Workers workers = common.workers();
        OpenRecipe opened = OpenRecipe.open(read, options, common, workers)) {
      RecipeRun run = new RecipeRun(opened);
      run.preflight();
      Plan plan = run.plan();
      Path file = output == null ? run.work().file("plan.json") : output;
      RecipeRun.write(plan, file);
      terminal.say("plan: " + file);
      terminal.say(run.predictions(plan));
      terminal.result(plan, PlanText.of(plan));
      return ExitCode.DONE;
    }
  }

  private int planReport(Path file, Terminal terminal) throws IOException {
    Target runtime = target == null ? Target.TRANSFORMERS : Targets.named(target);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(recipe)) {
      Plan plan = PlanFiles.ofReport(file, checkpoint, runtime);
      if (output != null) {
        RecipeRun.write(plan, output);
        terminal.say("plan: " + output);
      }
      terminal.result(plan, PlanText.of(plan));
      return ExitCode.DONE;
    }
  }
}
