package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufPreset;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.PieceEncoder;
import io.moepress.formats.gguf.StoredTypes;
import io.moepress.formats.gguf.TypeExceptions;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.gguf.GgufExport;
import io.moepress.recipes.gguf.GgufFit;
import io.moepress.recipes.gguf.GgufPlan;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What `moepress convert` does when the output is a GGUF file.
///
/// @param output the file
/// @param layout a type of matrices, or a mix of types; null: the type they have
/// @param options what else was asked for
record GgufConversion(
    Path output, @Nullable String layout, GgufOptions options, boolean overwrite, boolean dryRun) {
  private static final String ENDING = ".gguf";

  /// What was written, or would be.
  ///
  /// @param digest of the file; null when nothing was written
  record Result(
      String output,
      String layout,
      int tensors,
      long bytes,
      double bitsPerWeight,
      Map<GgufType, GgufPlan.Share> types,
      List<String> notes,
      @Nullable String digest,
      boolean written) {}

  /// Whether a file is meant to be GGUF.
  static boolean isName(Path file) {
    return file.toString().endsWith(ENDING);
  }

  /// The names of types that can be written, and of mixes of them.
  static List<String> layouts() {
    return Stream.concat(
            PieceEncoder.types().stream().map(GgufType::name),
            Arrays.stream(GgufPreset.values()).map(GgufPreset::name))
        .distinct()
        .toList();
  }

  /// Whether a layout is one of a GGUF file.
  static boolean isLayout(String layout) {
    return layouts().contains(layout.toUpperCase(Locale.ROOT));
  }

  Result run(CheckpointDirectory checkpoint, Workers workers, Progress progress)
      throws IOException {
    StagedFile.requireFree(output, overwrite || dryRun);
    Path file = options.importance();
    try (ImportanceFile importance = file == null ? null : ImportanceFile.open(file)) {
      GgufPlan plan = plan(checkpoint, importance);
      return result(
          plan,
          dryRun
              ? null
              : new GgufExport(plan, importance, workers, progress)
                  .write(output, overwrite, source(checkpoint)));
    }
  }

  /// What decides about the bytes besides the plan.
  private String source(CheckpointDirectory checkpoint) throws IOException {
    Path file = options.importance();
    return Fingerprint.of(checkpoint) + (file == null ? "" : " " + Fingerprint.ofFile(file));
  }

  private Result result(GgufPlan plan, GgufExport.@Nullable Written written) {
    return new Result(
        output.toString(),
        "gguf " + plan.rule().label(),
        plan.tensors().size(),
        plan.byteCount(),
        plan.bitsPerWeight(),
        GgufPlan.shares(plan.header()),
        written == null ? plan.notes() : plan.withNotes(resumed(plan, written)).notes(),
        written == null ? null : written.digest(),
        !dryRun);
  }

  private static List<String> resumed(GgufPlan plan, GgufExport.Written written) {
    int before = written.finishedBefore();
    return before == 0
        ? List.of()
        : List.of(
            Checks.text(
                "%d of %d tensors were finished by an earlier run", before, plan.tensors().size()));
  }

  private GgufPlan plan(CheckpointDirectory checkpoint, @Nullable ImportanceFile importance)
      throws IOException {
    MoeModel model = MoeModel.of(checkpoint);
    String name = String.valueOf(checkpoint.directory().toAbsolutePath().normalize().getFileName());
    GgufTokenizer.Section tokenizer = tokenizer(checkpoint, model);
    boolean important = importance != null;
    Function<TypeRule, GgufPlan> planner =
        rule ->
            GgufPlan.of(
                model, new TypeExceptions(rule, options.exemptions()), tokenizer, name, importance);
    ByteSize fit = options.fit();
    return fit == null
        ? planner.apply(rule(model, important))
        : GgufFit.best(
            GgufPreset.ladder().stream().map(preset -> preset.rule(model, important)).toList(),
            planner,
            fit);
  }

  private TypeRule rule(MoeModel model, boolean important) {
    if (layout == null) {
      return StoredTypes.of(model);
    }
    Optional<GgufType> type = GgufType.named(layout);
    Optional<GgufPreset> preset = GgufPreset.named(layout);
    if (options.pure() || preset.isEmpty()) {
      return TypeRule.all(type.orElseGet(() -> preset.orElseThrow().base()));
    }
    return preset.orElseThrow().rule(model, important);
  }

  private GgufTokenizer.Section tokenizer(CheckpointDirectory checkpoint, MoeModel model)
      throws IOException {
    int rows = model.layout().dimension(Dimension.VOCABULARY);
    Path other = options.tokenizerFrom();
    if (other == null) {
      return GgufTokenizer.of(
          checkpoint.directory(),
          checkpoint.config(),
          rows,
          GgufModel.mapping(model).preTokenizer());
    }
    try (GgufFile source = GgufFile.open(other)) {
      return GgufTokenizer.copy(source, rows);
    }
  }

  static String text(Result result) {
    Table table =
        Table.ofFacts()
            .row(result.written() ? "written" : "would be written", result.output())
            .row("layout", result.layout())
            .row("tensors", result.tensors() + ": " + shares(result.types()))
            .row(
                "size",
                Checks.text(
                    "%s, %.2f bits for each weight",
                    new ByteSize(result.bytes()).rounded(), result.bitsPerWeight()));
    if (result.digest() != null) {
      table.row("digest", result.digest());
    }
    result.notes().forEach(note -> table.row("note", note));
    return table.text();
  }

  /// How many tensors there are of each type, and their bytes.
  static String shares(Map<GgufType, GgufPlan.Share> types) {
    return types.entrySet().stream()
        .map(entry ->
            entry.getValue().tensors()
                + " "
                + entry.getKey()
                + " ("
                + new ByteSize(entry.getValue().bytes()).rounded()
                + ")")
        .collect(Collectors.joining(", "));
  }
}
