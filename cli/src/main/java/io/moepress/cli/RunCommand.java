package io.moepress.cli;

import io.moepress.cli.report.Comparison;
import io.moepress.cli.report.RunFiles;
import io.moepress.cli.report.RunResult;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evaluation.GateCheck;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.recipe.EvaluationSpec;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeReader;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress run`.
@Command(
    name = "run",
    description = {
      "Does all of a recipe: calibrates, plans, writes, verifies and evaluates.",
      "Exit code 3 when the result misses a gate of the recipe; the result stays where it is."
    },
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private RecipeOptions options = new RecipeOptions();

  @Parameters(paramLabel = "RECIPE", description = "Recipe file (YAML).")
  private Path recipeFile = Path.of("");

  @Option(names = "--overwrite", description = "Replace an output that is there.")
  private boolean overwrite;

  @Option(names = "--dry-run", description = "Stop behind the plan.")
  private boolean dryRun;

  private final StageClock clock = new StageClock();

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    Recipe recipe = RecipeReader.read(recipeFile, new Methods()).requireSteps();
    if (!dryRun) {
      requireFree(recipe);
    }
    try (Workers workers = common.workers();
        OpenRecipe opened = OpenRecipe.open(recipe, options, common, workers)) {
      RecipeRun run = new RecipeRun(opened);
      run.preflight();
      Plan plan = clock.time("measuring and planning", run::plan);
      Path planFile = run.work().file(RunFiles.PLAN);
      RecipeRun.write(plan, planFile);
      terminal.say("plan: " + planFile);
      plan.chain().forEach(part -> part.notes().forEach(note -> terminal.say("note: " + note)));
      if (dryRun) {
        terminal.result(plan, PlanText.of(plan));
        return ExitCode.DONE;
      }
      return finish(recipe, run, plan, terminal);
    }
  }

  private void requireFree(Recipe recipe) throws IOException {
    if (recipe.gguf().isPresent()) {
      GgufOutput.requireFree(recipe, options.workDirectory(recipe), overwrite);
    } else {
      Outputs.requireFree(recipe.output(), overwrite);
    }
  }

  private int finish(Recipe recipe, RecipeRun run, Plan plan, Terminal terminal)
      throws IOException {
    clock.time("writing", () -> run.apply(overwrite));
    List<Check> checks = clock.time("verifying", run::verify);
    boolean verified = checks.stream().allMatch(Check::passed);
    if (verified) {
      terminal.say(VerifyCommand.summary(checks).stripTrailing());
    } else {
      terminal.complain(VerifyCommand.summary(checks).stripTrailing());
      terminal.complain(recipe.output() + ": what was written failed its verification");
    }
    Optional<EvaluationSpec> spec = recipe.evaluation();
    Comparison comparison =
        verified && spec.isPresent()
            ? clock.time("evaluating", () -> run.evaluate(spec.get()))
            : null;
    List<Outcome> gates =
        comparison == null
            ? List.of()
            : GateCheck.check(
                spec.orElseThrow(),
                comparison.before().evaluation(),
                comparison.after().evaluation());
    run.score(comparison, gates);
    boolean passed = gates.stream().allMatch(Outcome::passed);
    Path resultFile = run.work().file(RunResult.FILE);
    RunResult result =
        new RunResult(
            recipe.output().toString(),
            plan.digest(),
            plan.chain().getFirst().before(),
            run.size(),
            checks,
            comparison,
            gates,
            verified && passed);
    Json.write(resultFile, result);
    terminal.say("result: " + resultFile);
    run.finish(verified, clock);
    terminal.result(result, RunText.of(result, gates, names(spec)));
    if (!verified) {
      return ExitCode.FAILED;
    }
    return passed ? ExitCode.DONE : ExitCode.GATE_MISSED;
  }

  /// What the recipe calls the files it evaluates.
  private static Map<String, String> names(Optional<EvaluationSpec> spec) {
    return spec.stream()
        .flatMap(evaluation -> evaluation.data().stream())
        .collect(
            Collectors.toMap(
                source -> source.file().toString(), DataSource::name, (first, second) -> first));
  }
}
