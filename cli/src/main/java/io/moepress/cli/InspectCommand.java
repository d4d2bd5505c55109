package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ArchitectureDraft;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Target;
import io.moepress.recipes.target.TargetRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
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
    description = {
      "Shows layers, experts, parameters, bytes and routing of a checkpoint,",
      "and how many experts each runtime lets you keep."
    },
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  private static final Set<TensorRole> SHARED =
      Set.of(
          TensorRole.SHARED_GATE,
          TensorRole.SHARED_UP,
          TensorRole.SHARED_DOWN,
          TensorRole.SHARED_ROUTER);

  @Mixin private CommonOptions common = new CommonOptions();
  @Mixin private ArchitectureOptions architecture = new ArchitectureOptions();

  @Parameters(paramLabel = "MODEL", description = "Checkpoint directory, or GGUF file.")
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
  /// @param experts experts of a layer; of the largest where layers differ
  /// @param expertsByLayer experts by layer where layers differ; else null
  /// @param expertParameters elements of all routed experts
  /// @param activeParameters elements that one token uses
  /// @param groups groups that experts stand in; 1 when the router knows none
  /// @param openGroups groups that a token chooses from
  /// @param sharedParameters elements of shared experts, which every token uses
  /// @param predictionParameters elements of layers for multi-token prediction, which are no part
  ///   of the main model
  /// @param keep numbers of experts that can stay, by target
  /// @param renormalised whether the weights of the chosen experts sum to one
  /// @param bytesByType bytes by element type
  record Inspection(
      String model,
      String modelType,
      String fingerprint,
      int layers,
      int moeLayers,
      int experts,
      @Nullable SortedMap<Integer, Integer> expertsByLayer,
      int topK,
      int groups,
      int openGroups,
      boolean renormalised,
      int tensors,
      int files,
      long parameters,
      long expertParameters,
      long sharedParameters,
      long predictionParameters,
      long activeParameters,
      long bytes,
      Map<DType, Long> bytesByType,
      Map<String, Keep> keep) {}

  /// Numbers of experts that can stay in each layer.
  ///
  /// @param loads the numbers that a runtime loads
  /// @param best those of them it has no warning for
  record Keep(List<Integer> loads, List<Integer> best) {}

  @Override
  public Integer call() throws IOException {
    if (output != null && !draft) {
      throw new RecipeException("-o: only for --draft-architecture");
    }
    if (GgufSpec.isName(model) && Files.isRegularFile(model) && !draft) {
      GgufInspection inspection = GgufInspection.of(model);
      common.terminal().result(inspection, inspection.text());
      return ExitCode.DONE;
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
    Map<Integer, Long> experts = new TreeMap<>();
    long shared = 0;
    long main = 0;
    for (TensorId id : model.inventory().names().keySet()) {
      long elements = model.info(id).shape().elementCount();
      main += elements;
      if (id.role().isExpert()) {
        experts.merge(id.layer(), elements, Long::sum);
      }
      shared += SHARED.contains(id.role()) ? elements : 0;
    }
    long inExperts = experts.values().stream().mapToLong(Long::longValue).sum();
    long used =
        experts.entrySet().stream()
            .mapToLong(of -> of.getValue() / layout.experts(of.getKey()) * layout.topK())
            .sum();
    Map<DType, Long> bytes = new TreeMap<>();
    for (TensorInfo info : checkpoint.tensors().values()) {
      bytes.merge(info.dtype(), info.byteCount(), Long::sum);
    }
    return new Inspection(
        checkpoint.name(),
        layout.config().modelType(),
        Fingerprint.of(checkpoint),
        layout.layers(),
        layout.moeLayers().size(),
        layout.experts(),
        layout.distinctExperts().size() > 1 ? layout.expertCounts() : null,
        layout.topK(),
        layout.groups().count(),
        layout.groups().open(),
        layout.flag(layout.architecture().router().renormalise()),
        checkpoint.tensors().size(),
        checkpoint.shards().size(),
        model.parameterCount(),
        inExperts,
        shared,
        model.parameterCount() - main,
        main - inExperts + used,
        checkpoint.byteCount(),
        bytes,
        keep(layout));
  }

  private static Map<String, Keep> keep(ModelLayout layout) {
    ExpertNumbers numbers = ExpertNumbers.of(layout);
    Map<String, Keep> keep = new LinkedHashMap<>();
    for (Target target : Target.values()) {
      keep.put(
          target.label(),
          new Keep(
              TargetRules.legalCounts(target, numbers), TargetRules.smoothCounts(target, numbers)));
    }
    return keep;
  }

  private static String text(Inspection it) {
    Table table =
        Table.ofFacts()
            .row("model", it.model())
            .row("architecture", it.modelType())
            .row("layers", Checks.text("%d, %d with experts", it.layers(), it.moeLayers()))
            .row("experts", experts(it));
    if (it.groups() > 1) {
      table.row(
          "groups",
          Checks.text(
              "%d of %d experts, %d open to a token",
              it.groups(), it.experts() / it.groups(), it.openGroups()));
    }
    table
        .row(
            "routing weights",
            it.renormalised() ? "renormalised to sum 1" : "as the router gives them")
        .row("parameters", Checks.text("%,d", it.parameters()))
        .row("in experts", share(it.expertParameters(), it));
    if (it.sharedParameters() > 0) {
      table.row("in shared experts", share(it.sharedParameters(), it));
    }
    if (it.predictionParameters() > 0) {
      table.row("in prediction layers", share(it.predictionParameters(), it));
    }
    table
        .row("used by a token", Checks.text("%,d", it.activeParameters()))
        .row("bytes", new ByteSize(it.bytes()).rounded() + " in " + it.bytesByType().keySet())
        .row("tensors", Checks.text("%d in %d files", it.tensors(), it.files()))
        .row("fingerprint", it.fingerprint());
    it.keep().forEach((target, keep) -> table.row("may keep, " + target, counts(keep)));
    return table.text();
  }

  private static String experts(Inspection it) {
    return it.expertsByLayer() == null
        ? Checks.text("%d for each layer, top-%d", it.experts(), it.topK())
        : Checks.text(
            "%s, top-%d; by layer %s",
            ExpertCounts.text(it.expertsByLayer().values()), it.topK(), it.expertsByLayer());
  }

  private static String share(long parameters, Inspection it) {
    return Checks.text("%,d (%.1f %%)", parameters, 100.0 * parameters / it.parameters());
  }

  private static String counts(Keep keep) {
    return keep.loads().equals(keep.best())
        ? Counts.text(keep.loads())
        : Counts.text(keep.loads()) + "; best " + Counts.text(keep.best());
  }
}
