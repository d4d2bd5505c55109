package io.moepress.cli;

import io.moepress.formats.checkpoint.StagedDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Domain;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceMerge;
import io.moepress.recipes.evidence.EvidenceMerge.Part;
import io.moepress.recipes.evidence.Statistic;
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

/// `moepress evidence merge`.
@Command(
    name = "merge",
    description = {
      "Makes evidence of several sets of texts into evidence of all of them, as if they had been",
      "measured in one run. The checkpoint must be one and the same."
    },
    mixinStandardHelpOptions = true)
final class EvidenceMergeCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(
      arity = "2..*",
      paramLabel = "DIR",
      description = "Directories of evidence, in the order in which their domains shall stand.")
  private List<Path> directories = List.of();

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "New directory of evidence.")
  private Path output = Path.of("");

  @Option(names = "--overwrite", description = "Replace an output that is there.")
  private boolean overwrite;

  /// What was written.
  record Result(
      String evidence,
      String checkpoint,
      long tokens,
      List<Domain> domains,
      List<String> statistics,
      @Nullable Sampling reservoir) {}

  @Override
  public Integer call() throws IOException {
    Terminal terminal = common.terminal();
    StagedDirectory.requireFree(output, overwrite);
    List<Part> parts = new ArrayList<>();
    for (Path directory : directories) {
      parts.add(new Part(directory.toString(), EvidenceFile.read(directory)));
    }
    Evidence merged = EvidenceMerge.merge(parts);
    List<String> leftOut = EvidenceMerge.leftOut(parts);
    if (!leftOut.isEmpty()) {
      terminal.say("note: not all of them hold " + String.join(", ", leftOut) + ": left out");
    }
    EvidenceFile.write(merged, output);
    terminal.say("evidence: " + output);
    Table table = Table.ofNumbers().row("domain", "texts", "tokens");
    for (Domain domain : merged.domains()) {
      table.row(domain.name(), "" + domain.sequences(), "" + domain.tokens());
    }
    terminal.result(
        new Result(
            output.toString(),
            merged.checkpoint(),
            merged.tokens(),
            merged.domains(),
            Statistic.labels(merged.statistics()),
            merged.sampling()),
        table.text());
    return ExitCode.DONE;
  }
}
