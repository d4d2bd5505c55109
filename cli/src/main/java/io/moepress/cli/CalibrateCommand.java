package io.moepress.cli;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.CorpusReader;
import io.moepress.calibrate.forward.PassMemory;
import io.moepress.calibrate.measure.Calibration;
import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.CalibrationSpec;
import io.moepress.recipes.recipe.CalibrationSpec.Order;
import io.moepress.recipes.work.WorkDirectory;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

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

  @Spec private CommandSpec command = CommandSpec.create();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "Directory of the evidence. Evidence of something else there is replaced.")
  private Path output = Path.of("");

  @Option(
      names = "--statistics",
      split = ",",
      paramLabel = "NAME",
      description = {
        "What to gather: names from docs/evidence.md, or default (the cheap ones, one number for"
            + " each expert and domain), or all. Default: default."
      })
  private List<String> statistics = List.of("default");

  @Option(
      names = "--reservoir-tokens",
      paramLabel = "N",
      description =
          "Keep the inputs of this many tokens in every layer, drawn with the seed. Default: 0.")
  private int reservoirTokens;

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
  ///
  /// @param usage how much of the model the texts reach, by domain; empty as long as nothing is
  ///   measured
  record Result(
      String evidence,
      String checkpoint,
      long tokens,
      List<Evidence.Domain> domains,
      List<ExpertUsage> usage,
      List<String> statistics,
      @Nullable Sampling reservoir) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    EvidenceRequest request = request();
    CalibrationSpec spec =
        new CalibrationSpec(
            data.sources(), data.maxTokens(), shuffle ? Order.SHUFFLED : Order.FILE);
    Path workPath =
        workDirectory == null
            ? WorkDirectory.beside(output)
            : WorkDirectory.requireOutside(workDirectory, output);
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers();
        WorkDirectory work = WorkDirectory.open(workPath)) {
      PassSetup setup = new PassSetup(workers, common.progress(terminal), common.memory(), work);
      String fingerprint = Fingerprint.of(checkpoint);
      Corpus corpus = CorpusReader.read(model, spec, seed);
      if (dryRun) {
        PassMemory need = Calibration.memory(MoeModel.of(checkpoint), corpus, request);
        terminal.say(
            "memory at most "
                + new ByteSize(setup.predicted(need)).rounded()
                + ", for these texts");
        List<Evidence.Domain> texts = Calibration.domains(corpus);
        long tokens = corpus.tokens();
        terminal.result(
            new Result(
                output.toString(),
                fingerprint,
                tokens,
                texts,
                List.of(),
                Statistic.labels(request.statistics()),
                null),
            text(texts, List.of()));
        return ExitCode.DONE;
      }
      Evidence evidence =
          new Measuring(setup, terminal)
              .measure(
                  new Measuring.Question(
                      MoeModel.of(checkpoint), fingerprint, corpus, spec.maxTokens()),
                  request,
                  Set.of(),
                  output);
      List<ExpertUsage> usage = ExpertUsage.of(evidence);
      terminal.result(
          new Result(
              output.toString(),
              fingerprint,
              evidence.tokens(),
              evidence.domains(),
              usage,
              Statistic.labels(evidence.statistics()),
              evidence.sampling()),
          text(evidence.domains(), usage));
      return ExitCode.DONE;
    }
  }

  private EvidenceRequest request() {
    if (reservoirTokens < 0) {
      throw new ParameterException(
          command.commandLine(), "--reservoir-tokens must be at least 0: " + reservoirTokens);
    }
    Set<Statistic> wanted = EnumSet.noneOf(Statistic.class);
    Set<LinearStatistic> linears = EnumSet.noneOf(LinearStatistic.class);
    for (String listed : statistics) {
      String name = listed.strip();
      LinearStatistic.named(name).ifPresentOrElse(linears::add, () -> wanted.addAll(named(name)));
      if (name.equals("all")) {
        linears.addAll(EnumSet.allOf(LinearStatistic.class));
      }
    }
    return new EvidenceRequest(wanted, reservoirTokens, seed, linears);
  }

  private Set<Statistic> named(String name) {
    return switch (name) {
      case "default" -> Statistic.defaults();
      case "all" -> EnumSet.allOf(Statistic.class);
      default -> Set.of(Statistic.named(name).orElseThrow(() -> unknown(name)));
    };
  }

  private ParameterException unknown(String name) {
    List<String> known = new ArrayList<>(List.of("default", "all"));
    known.addAll(Statistic.labels(EnumSet.allOf(Statistic.class)));
    known.addAll(LinearStatistic.labels(EnumSet.allOf(LinearStatistic.class)));
    return new ParameterException(
        command.commandLine(),
        "--statistics: unknown name "
            + Words.quoted(name)
            + " (expected some of "
            + String.join(", ", known)
            + ")"
            + Words.didYouMean(name, known));
  }

  private static String text(List<Evidence.Domain> domains, List<ExpertUsage> usage) {
    Table table = Table.ofNumbers().row("domain", "texts", "tokens", "experts used");
    for (int i = 0; i < domains.size(); i++) {
      Evidence.Domain domain = domains.get(i);
      table.row(
          domain.name(),
          "" + domain.sequences(),
          "" + domain.tokens(),
          usage.isEmpty() ? "" : Checks.text("%.1f %%", 100 * usage.get(i).share()));
    }
    return table.text();
  }
}
