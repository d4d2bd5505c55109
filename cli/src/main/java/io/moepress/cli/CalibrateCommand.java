package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.work.WorkDirectory;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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
  @Mixin private DataOptions data = new DataOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "Directory of the evidence. Evidence of something else there is replaced.")
  private Path output = Path.of("");

  @Option(
      names = {"-w", "--work-dir"},
      paramLabel = "DIR",
      description =
          "Where the state of the measurement is kept, so that the same command goes on after it"
              + " was stopped. Default: the output plus \".work\".")
  private @Nullable Path workDirectory;

  @Option(names = "--shuffle", description = "Take the texts in an order the seed decides.")
  private boolean shuffle;

  @Option(names = "--seed", paramLabel = "N", description = "Default: ${DEFAULT-VALUE}.")
  private long seed = 42;

  @Option(
      names = "--dry-run",
      description = "Read the texts, say how many tokens there are, and measure nothing.")
  private boolean dryRun;

  /// What was measured.
  record Result(String evidence, String checkpoint, long tokens, List<Evidence.Domain> domains) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    CalibrationSpec spec =
        new CalibrationSpec(
            data.sources(), data.maxTokens(), shuffle ? Order.SHUFFLED : Order.FILE);
    Path workPath = workDirectory == null ? WorkDirectory.beside(output) : workDirectory;
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model);
        Workers workers = common.workers();
        WorkDirectory work = WorkDirectory.open(workPath)) {
      PassSetup setup = new PassSetup(workers, common.progress(terminal), common.memory(), work);
      String fingerprint = Fingerprint.of(checkpoint);
      Corpus corpus = CorpusReader.read(model, spec, seed);
      if (dryRun) {
        List<Evidence.Domain> texts = Calibration.domains(corpus);
        long tokens = corpus.tokens();
        terminal.result(
            new Result(output.toString(), fingerprint, tokens, texts), table(texts).text());
        return ExitCode.DONE;
      }
      Evidence evidence =
          new Measuring(setup, terminal)
              .measure(
                  new Measuring.Question(
                      MoeModel.of(checkpoint), fingerprint, corpus, spec.maxTokens()),
                  output);
      terminal.result(
          new Result(output.toString(), fingerprint, evidence.tokens(), evidence.domains()),
          table(evidence.domains()).text());
      return ExitCode.DONE;
    }
  }

  private static Table table(List<Evidence.Domain> domains) {
    Table table = Table.ofNumbers().row("domain", "texts", "tokens");
    for (Evidence.Domain domain : domains) {
      table.row(domain.name(), "" + domain.sequences(), "" + domain.tokens());
    }
    return table;
  }
}
