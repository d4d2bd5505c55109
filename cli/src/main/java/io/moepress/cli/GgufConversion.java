package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufType;
import io.moepress.recipes.gguf.GgufExport;
import io.moepress.recipes.gguf.GgufPlan;
import io.moepress.recipes.gguf.GgufPlanner;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What `moepress convert` does when the output is a GGUF file.
///
/// @param output the file
/// @param layout a type of matrices, or a mix of types; null: the type they have
/// @param options what else was asked for
record GgufConversion(
    Path output, @Nullable String layout, GgufOptions options, boolean overwrite, boolean dryRun) {
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

  Result run(CheckpointDirectory checkpoint, Workers workers, Progress progress)
      throws IOException {
    StagedFile.requireFree(output, overwrite || dryRun);
    try (GgufPlanner planner = GgufPlanner.open(options.spec(layout), checkpoint)) {
      GgufPlan plan =
          planner.plan(MoeModel.of(checkpoint), options.fitting(checkpoint, workers, progress));
      return result(
          plan,
          dryRun
              ? null
              : new GgufExport(plan, planner.importance(), workers, progress)
                  .write(output, overwrite, planner.source(Fingerprint.of(checkpoint))));
    }
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

  /// What was done with what a stopped run had left.
  static List<String> resumed(GgufPlan plan, GgufExport.Written written) {
    int before = written.finishedBefore();
    if (written.discarded()) {
      return List.of(
          "an unfinished file of another conversion was there, and was replaced: it was of another"
              + " checkpoint, other options or another version, or nothing of it was finished");
    }
    return before == 0
        ? List.of()
        : List.of(
            Checks.text(
                "%d of %d tensors were finished by an earlier run", before, plan.tensors().size()));
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
