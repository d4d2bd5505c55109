package io.moepress.cli;

import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeReader;
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
    description = "Decides and explains, and writes no weights. Calibrates first where needed.",
    mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private RecipeOptions options = new RecipeOptions();

  @Parameters(paramLabel = "RECIPE", description = "Recipe file (YAML).")
  private Path recipe = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where to write the plan. Default: plan.json in the work directory.")
  private @Nullable Path output;

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    Recipe read = RecipeReader.read(recipe, new Methods());
    try (Workers workers = common.workers();
        RecipeRun run = RecipeRun.open(read, options, common, workers)) {
      run.preflight();
      Plan plan = run.plan();
      Path file = output == null ? run.work().file("plan.json") : output;
      run.write(plan, file);
      terminal.say("plan: " + file);
      terminal.say(run.predictions(plan));
      terminal.result(plan, PlanText.of(plan));
      return ExitCode.DONE;
    }
  }
}
