package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress calibrate`.
@Command(
    name = "calibrate",
    description = {
      "Measures a checkpoint on texts, in one pass, and keeps the evidence.",
      "Evidence serves any method and ratio: give it to plan with --evidence."
    },
    mixinStandardHelpOptions = true)
final class CalibrateCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();
  @Mixin private DataOptions data = new DataOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "Directory of the evidence. Evidence of something else there is replaced.")
  private Path output = Path.of("");

  @Option(names = "--shuffle", description = "Take the texts in an order the seed decides.")
  private boolean shuffle;

  @Option(names = "--seed", paramLabel = "N", description = "Default: ${DEFAULT-VALUE}.")
  private long seed = 42;

  /// What was measured.
  ///
  /// @param usage how much of the model the texts reach, by domain
  record Result(
      String evidence,
      String checkpoint,
      long tokens,
      List<Evidence.Domain> domains,
      List<ExpertUsage> usage) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    CalibrationSpec spec =
        new CalibrationSpec(
            data.sources(), data.maxTokens(), shuffle ? Order.SHUFFLED : Order.FILE);
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers()) {
      Measuring measuring = new Measuring(workers, common.progress(terminal), terminal);
      String fingerprint = Fingerprint.of(checkpoint);
      Evidence evidence = measuring.measure(checkpoint, fingerprint, spec, seed, output);
      List<ExpertUsage> usage = ExpertUsage.of(evidence);
      terminal.result(
          new Result(output.toString(), fingerprint, evidence.tokens(), evidence.domains(), usage),
          text(evidence, usage));
      return ExitCode.DONE;
    }
  }

  private static String text(Evidence evidence, List<ExpertUsage> usage) {
    Table table = Table.ofNumbers().row("domain", "texts", "tokens", "experts used");
    for (int i = 0; i < usage.size(); i++) {
      Evidence.Domain domain = evidence.domains().get(i);
      table.row(
          domain.name(),
          "" + domain.sequences(),
          "" + domain.tokens(),
          Checks.text("%.1f %%", 100 * usage.get(i).share()));
    }
    return table.text();
  }
}
