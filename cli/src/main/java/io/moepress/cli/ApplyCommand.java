package io.moepress.cli;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.Manifest;
import io.moepress.recipes.apply.PlannedModel;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress apply`.
@Command(
    name = "apply",
    description = "Streams the new checkpoint a plan describes.",
    mixinStandardHelpOptions = true)
final class ApplyCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();

  @Parameters(index = "0", paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Parameters(
      index = "1",
      paramLabel = "PLAN",
      description =
          "Plan file (JSON), or a report of retained experts such as"
              + " {\"model.layers.3.mlp\": [0, 2]}.")
  private Path planFile = Path.of("");

  @Option(
      names = "--target",
      paramLabel = "RUNTIME",
      completionCandidates = Targets.class,
      description =
          "With a report: the runtime that has to load the result. Default: transformers.")
  private @Nullable String target;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "New checkpoint directory.")
  private Path output = Path.of("");

  @Option(names = "--overwrite", description = "Replace an output that is there.")
  private boolean overwrite;

  @Option(
      names = "--dry-run",
      description = "Check that the plan fits, say what would be written, and write nothing.")
  private boolean dryRun;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description = "Limit for one file of weights. Default: 5GB.")
  private ByteSize maxShardSize = ByteSize.parse("5GB");

  /// What was written.
  record Result(String output, int tensors, int dropped, long bytes) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers()) {
      Plan plan = plan(checkpoint);
      requireSame(plan, checkpoint);
      MoeModel source = MoeModel.of(checkpoint);
      PlannedModel planned = PlannedModel.of(source, plan);
      LoweredPlan lowered = planned.programs();
      requireTarget(plan, ExpertNumbers.of(source.layout(), planned.model().layout()));
      if (dryRun) {
        Result foreseen =
            new Result(
                output.toString(),
                lowered.tensors().size(),
                lowered.dropped().size(),
                lowered.byteCount());
        terminal.result(foreseen, text("would be written", foreseen));
        return ExitCode.DONE;
      }
      Applier.Output place = new Applier.Output(output, overwrite, maxShardSize);
      Manifest manifest =
          Outputs.write(
              new Applier(checkpoint, workers, common.progress(terminal)),
              plan,
              lowered,
              place,
              terminal);
      Result result =
          new Result(
              output.toString(),
              manifest.tensors().size(),
              manifest.dropped().size(),
              lowered.byteCount());
      terminal.result(result, text("written", result));
      return ExitCode.DONE;
    }
  }

  private Plan plan(CheckpointDirectory checkpoint) throws IOException {
    if (!PlanFiles.isPlan(planFile)) {
      Target runtime = target == null ? Target.TRANSFORMERS : Targets.named(target);
      return PlanFiles.ofReport(planFile, checkpoint, runtime);
    }
    if (target != null) {
      throw new RecipeException(
          "--target: " + planFile + " is a plan, which says its target (expected a report)");
    }
    return Plan.read(planFile);
  }

  private void requireSame(Plan plan, CheckpointDirectory checkpoint) throws IOException {
    String fingerprint = Fingerprint.of(checkpoint);
    if (!plan.source().equals(fingerprint)) {
      throw new PlanMismatchException(
          "%s was made for checkpoint %s; %s is %s. Plan again, or give the original checkpoint.",
          planFile, plan.source(), model, fingerprint);
    }
  }

  /// A plan that a person edited must still suit the runtime it names.
  private void requireTarget(Plan plan, ExpertNumbers numbers) {
    Target wanted =
        Target.named(plan.target())
            .orElseThrow(() ->
                new PlanMismatchException(
                    "%s: unknown target %s (expected one of %s)",
                    planFile, plan.target(), Target.labels()));
    for (Finding finding : TargetRules.check(wanted, numbers)) {
      if (finding.refusal()) {
        throw new PlanMismatchException("%s: %s", planFile, finding.text());
      }
    }
  }

  private static String text(String done, Result result) {
    return Table.ofFacts()
        .row(done, result.output())
        .row("tensors", result.tensors() + ", " + result.dropped() + " dropped")
        .row("size", new ByteSize(result.bytes()).rounded())
        .text();
  }
}
