package io.moepress.cli;

import io.moepress.formats.Words;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.Plan;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress convert`.
@Command(
    name = "convert",
    description = {
      "Writes a checkpoint anew: the same tensors in files of another size, with a fresh index.",
      "No number changes."
    },
    mixinStandardHelpOptions = true)
final class ConvertCommand implements Callable<Integer> {
  private static final String SAFETENSORS = "safetensors";
  private static final List<String> LAYOUTS = List.of(SAFETENSORS);

  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "New checkpoint directory.")
  private Path output = Path.of("");

  @Option(
      names = "--to",
      paramLabel = "LAYOUT",
      description = "The layout to write. So far there is one: safetensors.")
  private String layout = SAFETENSORS;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description = "Limit for one file of weights. Default: 5GB.")
  private ByteSize maxShardSize = ByteSize.parse("5GB");

  @Option(names = "--overwrite", description = "Replace an output that is there.")
  private boolean overwrite;

  @Option(names = "--dry-run", description = "Say what would be written, and write nothing.")
  private boolean dryRun;

  /// What was written, or would be.
  record Result(String output, String layout, int tensors, long bytes, boolean written) {}

  @Override
  public Integer call() throws IOException {
    if (!LAYOUTS.contains(layout)) {
      throw new RecipeException(
          "--to: unknown layout "
              + Words.quoted(layout)
              + " (expected one of: "
              + String.join(", ", LAYOUTS)
              + ")"
              + Words.didYouMean(layout, LAYOUTS));
    }
    Outputs.requireFree(output, overwrite || dryRun);
    Terminal terminal = common.terminal();
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model);
        Workers workers = common.workers()) {
      MoeModel read = MoeModel.of(checkpoint);
      LoweredPlan everything = Lowering.lower(read, List.of());
      if (!dryRun) {
        Outputs.write(
            new Applier(checkpoint, workers, common.progress(terminal)),
            identity(read, Fingerprint.of(checkpoint)),
            everything,
            new Applier.Output(output, overwrite, maxShardSize),
            terminal);
      }
      Result result =
          new Result(
              output.toString(),
              layout,
              everything.tensors().size(),
              everything.byteCount(),
              !dryRun);
      terminal.result(result, text(result));
      return ExitCode.DONE;
    }
  }

  /// The plan that changes nothing.
  private static Plan identity(MoeModel model, String fingerprint) {
    Plan.Size size =
        Plan.Size.of(model.layout(), model.parameterCount(), model.checkpoint().byteCount());
    return new Plan(
        Plan.FORMAT_VERSION,
        ToolVersion.text(),
        model.layout().config().modelType(),
        null,
        fingerprint,
        null,
        Target.TRANSFORMERS.label(),
        size,
        size,
        List.of(),
        List.of());
  }

  private static String text(Result result) {
    return Table.ofFacts()
        .row(result.written() ? "written" : "would be written", result.output())
        .row("layout", result.layout())
        .row("tensors", result.tensors() + ", none changed")
        .row("size", new ByteSize(result.bytes()).rounded())
        .text();
  }
}
