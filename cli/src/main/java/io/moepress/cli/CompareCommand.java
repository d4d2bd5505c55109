package io.moepress.cli;

import io.moepress.cli.ComparisonReport.Outcome;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeReader;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress compare`.
@Command(
    name = "compare",
    description = {
      "Evaluates many methods and budgets on one model, and writes no weights: a table and a chart.",
      "Exit code 1 when a candidate failed; the others are there all the same."
    },
    mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private RecipeOptions options = new RecipeOptions();

  @Parameters(paramLabel = "RECIPE", description = "Recipe file (YAML) with \"compare\".")
  private Path recipeFile = Path.of("");

  @Option(names = "--overwrite", description = "Replace a comparison that is there.")
  private boolean overwrite;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Terminal terminal = common.terminal();
    Recipe recipe = RecipeReader.read(recipeFile, new Methods());
    if (recipe.comparison().isEmpty()) {
      throw new RecipeException(
          recipeFile
              + ": compares nothing (expected \"compare\" in the place of steps). Run moepress run "
              + recipeFile);
    }
    ComparisonFiles files = new ComparisonFiles(recipe.output(), overwrite);
    files.requireFree();
    try (Workers workers = common.workers();
        OpenRecipe opened = OpenRecipe.open(recipe, options, common, workers)) {
      CompareRun run = new CompareRun(opened);
      ComparisonReport report = run.compare();
      files.write(report, terminal);
      terminal.result(report, ComparisonTable.text(report));
      List<Outcome> failed =
          report.candidates().stream().filter(outcome -> outcome.failure() != null).toList();
      failed.forEach(outcome -> terminal.complain(outcome.title() + ": " + outcome.failure()));
      return failed.isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
    }
  }
}
