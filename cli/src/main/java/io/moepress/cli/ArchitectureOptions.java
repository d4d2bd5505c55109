package io.moepress.cli;

import io.moepress.formats.checkpoint.CheckpointDirectory;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// What the commands that open a checkpoint have in common.
final class ArchitectureOptions {
  @Option(
      names = "--architecture",
      paramLabel = "FILE",
      description = "Architecture file of the checkpoint, instead of one that comes with moepress.")
  private @Nullable Path architecture;

  /// Opens a checkpoint.
  CheckpointDirectory open(Path model) throws IOException {
    return CheckpointDirectory.open(model, architecture);
  }
}
