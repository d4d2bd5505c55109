package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.PieceEncoder;
import io.moepress.recipes.gguf.GgufExport;
import io.moepress.recipes.gguf.GgufPlan;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What `moepress convert` does when the output is a GGUF file.
///
/// @param output the file
/// @param type of matrices; null: the one they have
/// @param tokenizerFrom a GGUF file to take the tokenizer from; null: the checkpoint's own
record GgufConversion(
    Path output,
    @Nullable GgufType type,
    @Nullable Path tokenizerFrom,
    boolean overwrite,
    boolean dryRun) {
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

  /// The names of types that can be written.
  static List<String> types() {
    return PieceEncoder.types().stream().map(GgufType::name).toList();
  }

  /// The type that a layout means.
  ///
  /// @throws RecipeException when it can be none
  static GgufType type(String layout, List<String> layouts) {
    return GgufType.named(layout)
        .filter(PieceEncoder.types()::contains)
        .orElseThrow(() ->
            new RecipeException(
                "--to: unknown layout "
                    + Words.quoted(layout)
                    + " (expected one of: "
                    + String.join(", ", layouts)
                    + ")"
                    + Words.didYouMean(layout, layouts)));
  }

  Result run(CheckpointDirectory checkpoint, Workers workers, Progress progress)
      throws IOException {
    StagedFile.requireFree(output, overwrite || dryRun);
    MoeModel model = MoeModel.of(checkpoint);
    GgufType chosen = type == null ? GgufPlan.storedType(model) : type;
    String name =
        String.valueOf(checkpoint.directory().toAbsolutePath().normalize().getFileName());
    GgufPlan plan = GgufPlan.of(model, chosen, tokenizer(checkpoint, model), name);
    String digest =
        dryRun ? null : new GgufExport(plan, workers, progress).write(output, overwrite);
    return new Result(
        output.toString(),
        "gguf " + chosen,
        plan.tensors().size(),
        plan.byteCount(),
        plan.bitsPerWeight(),
        GgufPlan.shares(plan.header()),
        plan.notes(),
        digest,
        !dryRun);
  }

  private GgufTokenizer.Section tokenizer(CheckpointDirectory checkpoint, MoeModel model)
      throws IOException {
    int rows = model.layout().dimension(Dimension.VOCABULARY);
    if (tokenizerFrom == null) {
      return GgufTokenizer.of(
          checkpoint.directory(),
          checkpoint.config(),
          rows,
          GgufModel.of(model).mapping().preTokenizer());
    }
    try (GgufFile source = GgufFile.open(tokenizerFrom)) {
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
