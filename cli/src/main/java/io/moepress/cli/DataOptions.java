package io.moepress.cli;

import io.moepress.recipes.recipe.DataSource;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/// Data files on the command line.
final class DataOptions {
  @Spec(Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = {
        "JSON lines (.jsonl, .json) of {\"text\": ...}, {\"messages\": [...]} or",
        "{\"input_ids\": [...]}, plain text (.txt, .md), or directories of such files.",
        "Give it once for each file."
      })
  private List<Path> files = List.of();

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "Take only the first N of each file or directory. Default: all.")
  private @Nullable Integer samples;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "Cut a text there. Default: ${DEFAULT-VALUE}.")
  private int maxTokens = 512;

  /// Where texts are cut.
  int maxTokens() {
    if (maxTokens < 1) {
      throw new ParameterException(
          command.commandLine(), "--max-tokens must be at least 1: " + maxTokens);
    }
    return maxTokens;
  }

  /// The files.
  List<DataSource> sources() {
    if (samples != null && samples < 1) {
      throw new ParameterException(
          command.commandLine(), "--samples must be at least 1: " + samples);
    }
    OptionalInt count = samples == null ? OptionalInt.empty() : OptionalInt.of(samples);
    return files.stream()
        .map(file -> new DataSource(file, count, DataSource.domain(file)))
        .toList();
  }
}
