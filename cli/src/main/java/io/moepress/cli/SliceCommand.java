package io.moepress.cli;

import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.recipes.gguf.GgufGroups;
import io.moepress.recipes.gguf.GgufSlice;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.plan.RetainedExperts;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress slice`.
@Command(
    name = "slice",
    description = {
      "Keeps some experts of a GGUF file and copies their bytes. Which, says a report, a plan, or how",
      "often an importance matrix saw them. Experts that a plan merges are encoded anew."
    },
    mixinStandardHelpOptions = true)
final class SliceCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(paramLabel = "FILE.gguf", description = "GGUF file with stacked experts.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "OUT.gguf",
      description = "New GGUF file.")
  private Path output = Path.of("");

  @Option(
      names = "--retained-experts",
      paramLabel = "FILE",
      description = "A report such as {\"model.layers.3.mlp\": [0, 2]}.")
  private @Nullable Path report;

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description = "A plan of the checkpoint that the file was made of: it prunes or merges.")
  private @Nullable Path plan;

  @Option(
      names = "--imatrix",
      paramLabel = "FILE",
      description = "With --experts: the experts that an importance matrix saw most often stay.")
  private @Nullable Path importance;

  @Option(
      names = "--experts",
      paramLabel = "N",
      description = "With --imatrix: how many experts of each layer stay.")
  private @Nullable Integer experts;

  @Option(names = "--overwrite", description = "Replace a file that is there.")
  private boolean overwrite;

  /// What was written.
  ///
  /// @param experts in a layer
  /// @param encodedAnew matrices of experts that were decoded and encoded anew
  record Result(String output, int experts, int encodedAnew, long bytes, String digest) {}

  @Override
  public Integer call() throws IOException {
    requireConsistent();
    StagedFile.requireFree(output, overwrite);
    Terminal terminal = common.terminal();
    try (GgufFile file = GgufFile.open(model)) {
      GgufSlice slice =
          plan == null
              ? GgufSlice.of(file, kept(file))
              : GgufSlice.of(file, GgufGroups.of(Plan.read(plan), file));
      String digest = slice.write(output, overwrite, common.progress(terminal));
      long bytes = slice.header().fileSize();
      terminal.result(
          new Result(output.toString(), slice.count(), slice.encodedAnew(), bytes, digest),
          Table.ofFacts()
              .row("written", output.toString())
              .row("experts", slice.count() + " in a layer")
              .row("encoded anew", slice.encodedAnew() + " matrices of experts that were merged")
              .row("size", new ByteSize(bytes).rounded())
              .row("digest", digest)
              .text());
      return ExitCode.DONE;
    }
  }

  private void requireConsistent() {
    boolean counted = importance != null || experts != null;
    int ways = (counted ? 1 : 0) + (report != null ? 1 : 0) + (plan != null ? 1 : 0);
    if (ways != 1 || (importance == null) != (experts == null)) {
      throw new RecipeException(
          "slice: which experts (expected either --retained-experts, or --plan, or --imatrix and"
              + " --experts)");
    }
    if (output.toAbsolutePath().normalize().equals(model.toAbsolutePath().normalize())) {
      throw new RecipeException("-o " + output + ": the file itself (expected another one)");
    }
  }

  private SortedMap<Integer, List<Integer>> kept(GgufFile file) throws IOException {
    if (report != null) {
      return RetainedExperts.read(report).layers();
    }
    if (importance == null || experts == null) {
      throw new IllegalStateException("checked before");
    }
    try (ImportanceFile seen = ImportanceFile.open(importance)) {
      return GgufSlice.mostUsed(file, seen, experts);
    }
  }
}
