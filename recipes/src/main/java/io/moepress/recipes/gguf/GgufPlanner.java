package io.moepress.recipes.gguf;

import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufPreset;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.StoredTypes;
import io.moepress.formats.gguf.TypeExceptions;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Plans GGUF files of a checkpoint, or of what a plan makes of it, as somebody wants them. What
/// stands beside the weights, tokenizer and importance, is read at once.
public final class GgufPlanner implements Closeable {
  private final GgufSpec spec;
  private final CheckpointDirectory checkpoint;
  private final GgufTokenizer.Section tokenizer;
  private final @Nullable ImportanceFile importance;

  private GgufPlanner(
      GgufSpec spec,
      CheckpointDirectory checkpoint,
      GgufTokenizer.Section tokenizer,
      @Nullable ImportanceFile importance) {
    this.spec = spec;
    this.checkpoint = checkpoint;
    this.tokenizer = tokenizer;
    this.importance = importance;
  }

  /// Reads tokenizer and importance.
  ///
  /// @param checkpoint where the tokenizer is, unless another one is wanted
  /// @throws io.moepress.formats.FormatException for a family that llama.cpp does not know, or
  ///   files that are not what they should be
  public static GgufPlanner open(GgufSpec spec, CheckpointDirectory checkpoint) throws IOException {
    GgufTokenizer.Section tokenizer = tokenizer(spec, checkpoint);
    Optional<Path> file = spec.importance();
    return new GgufPlanner(
        spec, checkpoint, tokenizer, file.isEmpty() ? null : ImportanceFile.open(file.get()));
  }

  private static GgufTokenizer.Section tokenizer(GgufSpec spec, CheckpointDirectory checkpoint)
      throws IOException {
    MoeModel model = MoeModel.of(checkpoint);
    String preTokenizer = GgufModel.mapping(model).preTokenizer();
    int rows = model.layout().dimension(Dimension.VOCABULARY);
    if (spec.tokenizer().isEmpty()) {
      return GgufTokenizer.of(checkpoint.directory(), checkpoint.config(), rows, preTokenizer);
    }
    try (GgufFile source = GgufFile.open(spec.tokenizer().get())) {
      return GgufTokenizer.copy(source, rows);
    }
  }

  /// How much errors in each column count; null: all alike.
  public @Nullable ImportanceFile importance() {
    return importance;
  }

  /// What decides about the bytes of a file besides its plan.
  ///
  /// @param weights names the weights, such as a fingerprint
  public String source(String weights) throws IOException {
    return importance == null
        ? weights
        : weights + " " + Fingerprint.ofFile(importance.file().path());
  }

  /// Finds what is wrong with patterns before a plan is known.
  ///
  /// @throws IllegalArgumentException for a pattern that occurs in no name
  public void check(MoeModel model) {
    if (model.layout().experts() <= GgufModel.MOST_EXPERTS) {
      new TypeExceptions(TypeRule.all(GgufType.F32), spec.exemptions())
          .requireUsed(GgufModel.of(model).tensors());
    }
  }

  /// The plan of the file.
  ///
  /// @param model the checkpoint, or what a plan makes of it
  /// @param fitting what to choose types with
  public GgufPlan plan(MoeModel model, Fitting fitting) throws IOException {
    String name = String.valueOf(checkpoint.directory().toAbsolutePath().normalize().getFileName());
    Function<TypeRule, GgufPlan> planner =
        rule ->
            GgufPlan.of(
                model, new TypeExceptions(rule, spec.exemptions()), tokenizer, name, importance);
    Optional<ByteSize> fit = spec.fit();
    if (fit.isEmpty()) {
      return planner.apply(rule(model));
    }
    return switch (spec.by()) {
      case MIX -> mix(model, planner, fit.get());
      case ERROR -> {
        ExpertUse use = new ExpertUse(model, importance, fitting.evidence());
        yield new ErrorFit(new TypeErrors(model, importance, use), spec.exemptions(), fitting)
            .best(planner, fit.get());
      }
      case MC_MOE, ALPHAQ -> {
        BitMethod method = fitting.method().orElseThrow();
        yield new MethodFit(
                method,
                spec.by().label(),
                model,
                evidence(method, model, fitting),
                spec.exemptions())
            .best(mix(model, planner, fit.get()), planner, fit.get(), fitting);
      }
    };
  }

  private GgufPlan mix(MoeModel model, Function<TypeRule, GgufPlan> planner, ByteSize limit) {
    return GgufFit.best(
        GgufPreset.ladder().stream().map(preset -> preset.rule(model, importance != null)).toList(),
        planner,
        limit);
  }

  private static Evidence evidence(BitMethod method, MoeModel model, Fitting fitting) {
    Evidence evidence = fitting.evidence();
    if (evidence == null) {
      return Evidence.of(model);
    }
    evidence.requireHeld(EvidenceRequest.of(needs(method)));
    return evidence;
  }

  /// The statistics by which a method chooses types; empty when it needs none.
  public static Set<Statistic> needs(BitMethod method) {
    return method.needs(TypeLadder.WIDTHS);
  }

  /// What types are chosen with, where that takes more than names.
  ///
  /// @param chooser spends bytes where they save most
  /// @param method tells what bits cost, where one is wanted
  /// @param evidence of the model; null: none
  public record Fitting(
      TypeChooser chooser,
      Optional<BitMethod> method,
      @Nullable Evidence evidence,
      Workers workers,
      Progress progress) {}

  private TypeRule rule(MoeModel model) {
    if (spec.type().isEmpty()) {
      return StoredTypes.of(model);
    }
    Optional<GgufType> type = GgufType.named(spec.type().get());
    Optional<GgufPreset> preset = GgufPreset.named(spec.type().get());
    if (spec.pure() || preset.isEmpty()) {
      return TypeRule.all(type.orElseGet(() -> preset.orElseThrow().base()));
    }
    return preset.orElseThrow().rule(model, importance != null);
  }

  @Override
  public void close() throws IOException {
    if (importance != null) {
      importance.close();
    }
  }
}
