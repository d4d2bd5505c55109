package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ArchitectureDraft;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress inspect`.
@Command(
    name = "inspect",
    description = "Shows layers, experts, parameters, bytes and routing of a checkpoint.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory.")
  private Path model = Path.of("");

  @Option(
      names = "--draft-architecture",
      description = "Begin an architecture file for a family that is not known.")
  private boolean draft;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where to write the draft. Default: standard output.")
  private @Nullable Path output;

  /// What there is to say about a checkpoint.
  ///
  /// @param expertParameters elements of all routed experts
  /// @param activeParameters elements that one token uses
  /// @param renormalised whether the weights of the chosen experts sum to one
  /// @param bytesByType bytes by element type
  record Inspection(
      String model,
      String modelType,
      String fingerprint,
      int layers,
      int moeLayers,
      int experts,
      int topK,
      boolean renormalised,
      int tensors,
      int files,
      long parameters,
      long expertParameters,
      long activeParameters,
      long bytes,
      Map<DType, Long> bytesByType) {}

  @Override
  public Integer call() throws IOException {
    if (output != null && !draft) {
      throw new RecipeException("-o: only for --draft-architecture");
    }
    try (CheckpointDirectory checkpoint = architecture.open(model)) {
      if (draft) {
        DraftText.say(ArchitectureDraft.of(checkpoint), output, common.terminal());
        return ExitCode.DONE;
      }
      Inspection inspection = inspect(checkpoint, MoeModel.of(checkpoint));
      common.terminal().result(inspection, text(inspection));
      return ExitCode.DONE;
    }
  }

  private static Inspection inspect(CheckpointDirectory checkpoint, MoeModel model)
      throws IOException {
    ModelLayout layout = model.layout();
    long experts = 0;
    Map<DType, Long> bytes = new TreeMap<>();
    for (TensorId id : model.inventory().names().keySet()) {
      TensorInfo info = model.info(id);
      bytes.merge(info.dtype(), info.byteCount(), Long::sum);
      experts += id.role().isExpert() ? info.shape().elementCount() : 0;
    }
    long parameters = checkpoint.parameterCount();
    return new Inspection(
        checkpoint.name(),
        layout.config().modelType(),
        Fingerprint.of(checkpoint),
        layout.layers(),
        layout.moeLayers().size(),
        layout.experts(),
        layout.topK(),
        layout.flag(layout.architecture().router().renormalise()),
        checkpoint.tensors().size(),
        checkpoint.shards().size(),
        parameters,
        experts,
        parameters - experts + experts / layout.experts() * layout.topK(),
        checkpoint.byteCount(),
        bytes);
  }

  private static String text(Inspection it) {
    return Table.ofFacts()
        .row("model", it.model())
        .row("architecture", it.modelType())
        .row("layers", Checks.text("%d, %d with experts", it.layers(), it.moeLayers()))
        .row("experts", Checks.text("%d for each layer, top-%d", it.experts(), it.topK()))
        .row(
            "routing weights",
            it.renormalised() ? "renormalised to sum 1" : "as the router gives them")
        .row("parameters", Checks.text("%,d", it.parameters()))
        .row(
            "in experts",
            Checks.text(
                "%,d (%.1f %%)",
                it.expertParameters(), 100.0 * it.expertParameters() / it.parameters()))
        .row("used by a token", Checks.text("%,d", it.activeParameters()))
        .row("bytes", new ByteSize(it.bytes()).rounded() + " in " + it.bytesByType().keySet())
        .row("tensors", Checks.text("%d in %d files", it.tensors(), it.files()))
        .row("fingerprint", it.fingerprint())
        .text();
  }
}
