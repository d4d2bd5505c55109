package io.moepress.cli;

import io.moepress.calibrate.corpus.DataFiles;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.GgufPlanner;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.planning.Planner;
import io.moepress.recipes.recipe.Contender;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.Recipe;
import io.moepress.recipes.recipe.RecipeLinter;
import io.moepress.recipes.recipe.RecipeLinter.Lint;
import io.moepress.recipes.recipe.RecipeStep;
import io.moepress.recipes.target.Finding;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Finds all that can be wrong with a recipe before anything is measured.
final class RecipeCheck {
  private final Path file;
  private final Lint lint;
  private final List<String> problems = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();

  private RecipeCheck(Path file, Lint lint) {
    this.file = file;
    this.lint = lint;
    problems.addAll(lint.problems());
  }

  /// What is wrong with a recipe.
  ///
  /// @param recipe the file
  /// @param problems a message for each
  /// @param warnings what the target has to say of a budget that it takes
  record Report(String recipe, List<String> problems, List<String> warnings) {
    Report {
      warnings = List.copyOf(warnings);
      problems = List.copyOf(problems);
    }
  }

  static Report check(Path file, Methods methods) throws IOException {
    RecipeCheck check = new RecipeCheck(file, RecipeLinter.lint(file, methods));
    if (check.lint.recipe().isPresent()) {
      check.check(check.lint.recipe().get());
    }
    return new Report(file.toString(), check.problems, check.warnings);
  }

  private void check(Recipe recipe) throws IOException {
    recipe.calibration().ifPresent(spec -> checkData("calibration", spec.data()));
    recipe.evaluation().ifPresent(spec -> checkData("evaluate", spec.data()));
    if (recipe.calibration().isEmpty()) {
      requireNoCalibration(recipe);
    }
    try (CheckpointDirectory checkpoint = recipe.open(recipe.model())) {
      MoeModel model = MoeModel.of(checkpoint);
      if (recipe.gguf().isPresent()) {
        checkGguf(recipe, recipe.gguf().get(), checkpoint, model);
      }
      if (recipe.comparison().isPresent()) {
        checkContenders(recipe, model, recipe.comparison().get().contenders());
      } else {
        checkSteps(recipe, model);
      }
    } catch (FormatException e) {
      complain("model", String.valueOf(e.getMessage()));
    }
  }

  /// Importance, tokenizer and patterns of a GGUF file.
  private void checkGguf(
      Recipe recipe, GgufSpec spec, CheckpointDirectory checkpoint, MoeModel model)
      throws IOException {
    String path = lint.line("gguf").isPresent() ? "gguf" : "output";
    GgufOutput.unmeasured(recipe, spec).ifPresent(problem -> complain(path, problem));
    try (GgufPlanner planner = GgufPlanner.open(spec, checkpoint)) {
      planner.check(model);
    } catch (FormatException | IllegalArgumentException e) {
      complain(path, String.valueOf(e.getMessage()));
    } catch (NoSuchFileException e) {
      complain(path, e.getFile() + ": no such file");
    }
  }

  private void checkData(String section, List<DataSource> sources) {
    for (int i = 0; i < sources.size(); i++) {
      Path data = sources.get(i).file();
      String path = section + ".data[" + i + "]";
      try {
        DataFiles.check(data);
      } catch (FormatException e) {
        complain(path, String.valueOf(e.getMessage()));
      } catch (NoSuchFileException e) {
        complain(path, data + ": no such file");
      } catch (AccessDeniedException e) {
        complain(path, data + ": permission denied");
      } catch (IOException e) {
        complain(path, data + ": " + e.getMessage());
      }
    }
  }

  /// Candidates that fail whatever is measured. What is told of one need not be told of those that
  /// differ only in their lots.
  private void checkContenders(Recipe recipe, MoeModel model, List<Contender> contenders)
      throws IOException {
    for (Contender contender : contenders) {
      try {
        StepChain.preflight(model, contender.steps(), recipe.target());
      } catch (PlanMismatchException | IllegalArgumentException e) {
        String which = contender.name() + " at " + contender.budget();
        String problem = place("compare") + which + ": " + e.getMessage();
        if (!problems.contains(problem)) {
          problems.add(problem);
        }
      }
    }
  }

  private void requireNoCalibration(Recipe recipe) {
    recipe.comparison().stream()
        .flatMap(comparison -> comparison.contenders().stream())
        .map(Contender::steps)
        .distinct()
        .forEach(steps -> requireNoCalibration(recipe.with(steps), "compare"));
    requireNoCalibration(recipe, "");
  }

  private void requireNoCalibration(Recipe recipe, String section) {
    for (int i = 0; i < recipe.steps().size(); i++) {
      RecipeStep step = recipe.steps().get(i);
      String place = section.isEmpty() ? "steps[" + i + "]" : section;
      requireNoCalibration(place, step.name(), step.needs());
    }
    recipe
        .evaluation()
        .ifPresent(spec ->
            spec.baselines()
                .forEach(
                    method -> requireNoCalibration("evaluate", method.name(), method.needs())));
  }

  private void requireNoCalibration(String path, String method, Set<Statistic> needs) {
    String problem = String.valueOf(Planner.needsEvidence(method, needs).getMessage());
    if (!needs.isEmpty() && !problems.contains(place(path) + problem)) {
      complain(path, problem);
    }
  }

  private void checkSteps(Recipe recipe, MoeModel model) throws IOException {
    RecipeStep first = recipe.steps().getFirst();
    try {
      warn(Planner.preflight(model, first, recipe.target()));
    } catch (PlanMismatchException | IllegalArgumentException e) {
      complain("steps[0]", String.valueOf(e.getMessage()));
      return;
    }
    checkFurther(recipe, model);
  }

  private void checkFurther(Recipe recipe, MoeModel model) throws IOException {
    try {
      StepChain.preflight(model, recipe.steps(), recipe.target());
    } catch (PlanMismatchException | IllegalArgumentException e) {
      complain("steps", String.valueOf(e.getMessage()));
    }
  }

  private void warn(List<Finding> findings) {
    findings.forEach(finding ->
        warnings.add(place("steps[0]") + finding.severity().label() + ": " + finding.text()));
  }

  private void complain(String path, String problem) {
    problems.add(place(path) + problem);
  }

  private String place(String path) {
    String line = lint.line(path).isPresent() ? ":" + lint.line(path).getAsInt() : "";
    return file + line + ": " + path + ": ";
  }
}
