package io.moepress.cli;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.gguf.EvidenceImportance;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress evidence imatrix`.
@Command(
    name = "imatrix",
    description = {
      "Writes the squares of inputs in evidence as an importance matrix of llama.cpp, for convert",
      "--imatrix or llama-quantize. The evidence needs input-square-sum, intermediate-square-sum",
      "and, for all but the routed experts, linear-input-square-sum."
    },
    mixinStandardHelpOptions = true)
final class EvidenceImatrixCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();

  @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the evidence.")
  private Path directory = Path.of("");

  @Parameters(
      index = "1",
      paramLabel = "MODEL",
      description = "Checkpoint directory that was measured.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "FILE.gguf",
      description = "The importance matrix.")
  private Path output = Path.of("");

  @Option(names = "--overwrite", description = "Replace an output that is there.")
  private boolean overwrite;

  /// What was written.
  ///
  /// @param weights tensors of which the file speaks
  /// @param leftOut matrices in layers of which it does not
  record Result(String output, int weights, int leftOut, long tokens) {}

  @Override
  public Integer call() throws IOException {
    StagedFile.requireFree(output, overwrite);
    try (CheckpointDirectory checkpoint = architecture.open(model)) {
      Evidence evidence = GivenEvidence.read(directory, checkpoint);
      EvidenceImportance.Written written =
          EvidenceImportance.write(evidence, MoeModel.of(checkpoint), output, overwrite);
      Result result =
          new Result(output.toString(), written.weights(), written.leftOut(), evidence.tokens());
      common.terminal().result(result, text(result));
      return ExitCode.DONE;
    }
  }

  private static String text(Result result) {
    Table table =
        Table.ofFacts()
            .row("written", result.output())
            .row("weights", "" + result.weights())
            .row("tokens", "" + result.tokens());
    if (result.leftOut() > 0) {
      table.row("note", result.leftOut() + " matrices in layers were not measured");
    }
    return table.text();
  }
}
