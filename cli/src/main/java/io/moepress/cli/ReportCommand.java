package io.moepress.cli;

import io.moepress.cli.report.Page;
import io.moepress.cli.report.RunFiles;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.recipes.recipe.ByteSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `moepress report`.
@Command(
    name = "report",
    description = {
      "Shows a run as one page of HTML: what was asked, what was decided and why, what it costs.",
      "The page needs no network and no other file."
    },
    mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(
      paramLabel = "RUN_DIR",
      description = "Work directory of a run, or the output it belongs to.")
  private Path directory = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "The page. Default: report.html in the work directory.")
  private @Nullable Path output;

  @Option(names = "--overwrite", description = "Replace a page that is there.")
  private boolean overwrite;

  private final Methods methods = new Methods();

  /// What was written.
  record Result(String run, String report, long bytes) {}

  @Override
  public Integer call() throws IOException {
    RunFiles run = RunFiles.read(directory);
    Path file = output == null ? run.directory().resolve("report.html") : output;
    try (StagedFile staged = StagedFile.create(file, overwrite || output == null)) {
      Files.writeString(staged.path(), Page.of(run, methods::description));
      staged.commit();
    }
    Result result = new Result(run.directory().toString(), file.toString(), Files.size(file));
    common
        .terminal()
        .result(result, "written: " + file + " (" + new ByteSize(result.bytes()).rounded() + ")\n");
    return ExitCode.DONE;
  }
}
