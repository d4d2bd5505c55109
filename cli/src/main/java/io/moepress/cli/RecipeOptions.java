package io.moepress.cli;

import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.work.WorkDirectory;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// What the commands that take a recipe have in common.
final class RecipeOptions {
  @Option(
      names = {"-w", "--work-dir"},
      paramLabel = "DIR",
      description =
          "Where evidence, plan and results are kept. Default: the output plus \".work\".")
  @Nullable Path workDirectory;

  @Option(
      names = "--evidence",
      paramLabel = "DIR",
      description = "Use this evidence instead of calibrating.")
  @Nullable Path evidence;

  /// Where everything is kept.
  Path workDirectory(Recipe recipe) {
    return workDirectory == null
        ? WorkDirectory.beside(recipe.output())
        : WorkDirectory.requireOutside(workDirectory, recipe.output());
  }
}
