package io.moepress.cli;

import io.moepress.calibrate.evaluate.TinyForward;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.gguf.GgufCheck;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.verify.IndexCheck;
import io.moepress.recipes.verify.Verifier;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory, or GGUF file.")
  private Path model = Path.of("");

  @Option(
      names = "--target",
      paramLabel = "RUNTIME",
      completionCandidates = Targets.class,
      description = "Ask the rules of this runtime too: ${COMPLETION-CANDIDATES}.")
  private @Nullable String target;

  /// What was found.
  record Result(String model, boolean passed, List<Check> checks) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    Target runtime = target == null ? null : Targets.named(target);
    if (GgufSpec.isName(model) && Files.isRegularFile(model)) {
      requireLlamaCpp(runtime);
      return report(terminal, GgufCheck.of(model));
    }
    Optional<Check> index = IndexCheck.failure(model);
    if (index.isPresent()) {
      return report(terminal, List.of(index.get()));
    }
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers()) {
      return report(terminal, checks(checkpoint, workers, common.progress(terminal), runtime));
    }
  }

  private static void requireLlamaCpp(@Nullable Target runtime) {
    if (runtime != null && runtime != Target.LLAMA_CPP) {
      throw new RecipeException(
          "--target: " + runtime.label() + " does not load GGUF files (expected llama.cpp)");
    }
  }

  private int report(Terminal terminal, List<Check> checks) {
    boolean passed = checks.stream().allMatch(Check::passed);
    terminal.result(new Result(model.toString(), passed, checks), text(checks));
    return passed ? ExitCode.DONE : ExitCode.FAILED;
  }

  /// Every check of a written checkpoint.
  static List<Check> checks(
      CheckpointDirectory checkpoint, Workers workers, Progress progress, @Nullable Target target)
      throws IOException {
    List<Check> checks =
        new ArrayList<>(new Verifier(workers, progress).verify(checkpoint, target));
    boolean readable =
        checks.stream().anyMatch(check -> check.name().equals("structure") && check.passed());
    if (readable) {
      checks.add(TinyForward.check(MoeModel.of(checkpoint), workers));
    }
    return checks;
  }

  static String text(List<Check> checks) {
    Table table = Table.ofFacts();
    checks.forEach(check -> table.row(check.outcome(), check.name(), check.detail()));
    return table.text();
  }

  /// What is worth saying of checks: how many hold without a word, and all others.
  static String summary(List<Check> checks) {
    List<Check> others =
        checks.stream().filter(check -> !check.passed() || !check.findings().isEmpty()).toList();
    String all =
        "verified: " + (checks.size() - others.size()) + " of " + checks.size() + " checks ok\n";
    return all + text(others);
  }
}
