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
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress convert`.
@Command(
    name = "convert",
    description = {
      "Writes a checkpoint anew: the same tensors in files of another size, with a fresh index,",
      "or as one GGUF file for llama.cpp."
    },
    mixinStandardHelpOptions = true)
final class ConvertCommand implements Callable<Integer> {
  private static final String SAFETENSORS = "safetensors";
  private static final List<String> LAYOUTS =
      Stream.concat(Stream.of(SAFETENSORS), GgufSpec.types().stream()).toList();

  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();
  @Mixin private GgufOptions ggufOptions = new GgufOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR|FILE.gguf",
      description = "New checkpoint directory, or GGUF file.")
  private Path output = Path.of("");

  @Option(
      names = "--to",
      paramLabel = "LAYOUT",
      completionCandidates = Layouts.class,
      description = {
        "What to write: ${COMPLETION-CANDIDATES}. All but the first are for a GGUF file.",
        "Default: safetensors, or for FILE.gguf the type of the source."
      })
  private @Nullable String layout;

  @Option(
      names = "--max-shard-size",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description = "Limit for one file of weights. Default: 5GB.")
  private @Nullable ByteSize maxShardSize;

  @Option(names = "--overwrite", description = "Replace an output that is there.")
  private boolean overwrite;

  @Option(names = "--dry-run", description = "Say what would be written, and write nothing.")
  private boolean dryRun;

  /// What was written, or would be.
  record Result(String output, String layout, int tensors, long bytes, boolean written) {}

  /// The layouts, for the help and for completion.
  static final class Layouts extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Layouts() {
      super(LAYOUTS);
    }
  }

  @Override
  public Integer call() throws IOException {
    boolean gguf = isGguf();
    if (gguf && maxShardSize != null) {
      throw new RecipeException("--max-shard-size: a GGUF file is one file (expected no limit)");
    }
    if (gguf) {
      ggufOptions.requireConsistent(layout);
    } else {
      ggufOptions.requireNone();
    }
    return gguf ? toGguf() : toSafetensors();
  }

  private boolean isGguf() {
    boolean named = GgufSpec.isName(output);
    if (layout == null) {
      return named;
    }
    boolean typed = isTyped(layout);
    if (typed != named) {
      throw new RecipeException(
          "-o "
              + output
              + ": "
              + (typed
                  ? "a file of the type " + layout + " (expected a name that ends in .gguf)"
                  : "safetensors (expected a directory, not a .gguf file)"));
    }
    return typed;
  }

  /// Whether a layout is one of GGUF.
  private static boolean isTyped(String layout) {
    boolean typed = GgufSpec.isType(layout);
    if (!typed && !layout.equals(SAFETENSORS)) {
      throw new RecipeException(
          "--to: unknown layout "
              + Words.quoted(layout)
              + " (expected one of: "
              + String.join(", ", LAYOUTS)
              + ")"
              + Words.didYouMean(layout, LAYOUTS));
    }
    return typed;
  }

  private Integer toGguf() throws IOException {
    Terminal terminal = common.terminal();
    GgufConversion conversion = new GgufConversion(output, layout, ggufOptions, overwrite, dryRun);
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers()) {
      GgufConversion.Result result = conversion.run(checkpoint, workers, common.progress(terminal));
      terminal.result(result, GgufConversion.text(result));
      return ExitCode.DONE;
    }
  }

  private Integer toSafetensors() throws IOException {
    Outputs.requireFree(output, overwrite || dryRun);
    Terminal terminal = common.terminal();
    ByteSize limit = maxShardSize == null ? ByteSize.parse("5GB") : maxShardSize;
    try (CheckpointDirectory checkpoint = architecture.open(model);
        Workers workers = common.workers()) {
      MoeModel read = MoeModel.of(checkpoint);
      LoweredPlan everything = Lowering.lower(read, List.of());
      if (!dryRun) {
        Outputs.write(
            new Applier(checkpoint, workers, common.progress(terminal)),
            identity(read, Fingerprint.of(checkpoint)),
            everything,
            new Applier.Output(output, overwrite, limit),
            terminal);
      }
      Result result =
          new Result(
              output.toString(),
              SAFETENSORS,
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
