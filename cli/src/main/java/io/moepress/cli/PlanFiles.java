package io.moepress.cli;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.json.Json;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.Protection;
import io.moepress.recipes.plan.RetainedExperts;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.planning.Planner;
import io.moepress.recipes.recipe.PruneStep;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What stands for a plan: a plan, or another tool's report of the experts it retained.
final class PlanFiles {
  private PlanFiles() {}

  /// Whether a file calls itself a plan.
  static boolean isPlan(Path file) throws IOException {
    return Json.object(file).has("formatVersion");
  }

  /// The plan that does what a report says.
  ///
  /// @param target the runtime that has to load the result
  static Plan ofReport(Path file, CheckpointDirectory checkpoint, Target target)
      throws IOException {
    RetainedExperts report = RetainedExperts.read(file);
    MoeModel model = MoeModel.of(checkpoint);
    report.requireFits(model.layout());
    PruneStep step =
        new PruneStep(
            report,
            new KeepCount(report.fewest()),
            new Protection(false, List.of()),
            RouterMode.SLICE);
    Planner.Subject subject =
        new Planner.Subject(null, Fingerprint.of(checkpoint), null, report.digest(), target);
    Plan plan = Planner.plan(model, step, subject);
    List<String> notes = new ArrayList<>(plan.notes());
    notes.addFirst(
        "the experts are those that " + file.getFileName() + " retains, " + report.digest());
    return new Plan(
        plan.formatVersion(),
        plan.tool(),
        plan.modelType(),
        plan.previous(),
        plan.checkpoint(),
        plan.evidence(),
        plan.target(),
        plan.before(),
        plan.after(),
        notes,
        plan.steps());
  }
}
