package io.moepress.cli;

import io.moepress.calibrate.evaluate.TinyForward;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import io.moepress.recipes.verify.Verifier;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress verify`.
@Command(
    name = "verify",
    description = {
      "Reads a checkpoint back: structure, digests, rules of the runtime, a tiny forward pass.",
      "Exit code 1 when a check fails."
    },
    mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = "--target",
      paramLabel = "RUNTIME",
      description = "transformers, vllm, sglang, llama.cpp or research.")
  private @Nullable String target;

  /// What was found.
  record Result(String model, boolean passed, List<Check> checks) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    Target runtime = target == null ? null : named(target);
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers()) {
      List<Check> checks = checks(checkpoint, workers, common.progress(terminal), runtime);
      boolean passed = checks.stream().allMatch(Check::passed);
      terminal.result(new Result(model.toString(), passed, checks), text(checks));
      return passed ? ExitCode.DONE : ExitCode.FAILED;
    }
  }

  private static Target named(String label) {
    return Target.named(label)
        .orElseThrow(() ->
            new RecipeException(
                "--target: unknown runtime "
                    + label
                    + " (expected one of "
                    + String.join(", ", Target.labels())
                    + ")"));
  }

  /// Every check of a written checkpoint.
  static List<Check> checks(
      CheckpointDirectory checkpoint, Workers workers, Progress progress, @Nullable Target target)
      throws IOException {
    List<Check> checks = new ArrayList<>(new Verifier(workers, progress).verify(checkpoint));
    MoeModel model = MoeModel.of(checkpoint);
    checks.add(TinyForward.check(model, workers));
    if (target != null) {
      List<TargetRules.Finding> findings = TargetRules.check(target, model.layout());
      List<String> texts = findings.stream().map(TargetRules.Finding::text).toList();
      checks.add(
          new Check(
              "target " + target.label(),
              findings.stream().noneMatch(TargetRules.Finding::refusal),
              texts.isEmpty() ? "no rule of this runtime is broken" : String.join("; ", texts)));
    }
    return checks;
  }

  static String text(List<Check> checks) {
    Table table = Table.ofFacts();
    checks.forEach(
        check -> table.row(check.passed() ? "ok" : "FAILED", check.name(), check.detail()));
    return table.text();
  }
}
