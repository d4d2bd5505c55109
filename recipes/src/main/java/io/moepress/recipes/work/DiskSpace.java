package io.moepress.recipes.work;

import io.moepress.formats.FormatException;
import io.moepress.recipes.recipe.ByteSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Asks whether a disk has room, before anything is written to it.
public final class DiskSpace {
  private DiskSpace() {}

  /// Refuses to begin what cannot be finished.
  ///
  /// @param directory one that exists, on the disk in question
  /// @param bytes what is left to write
  /// @throws FormatException when the disk has less
  public static void require(Path directory, long bytes) throws IOException {
    long free = Files.getFileStore(directory).getUsableSpace();
    if (free < bytes) {
      throw FormatException.of(
          "%s: the disk has %s free (expected %s for what is left to write). Free some space, or"
              + " choose another disk.",
          directory, new ByteSize(free).rounded(), new ByteSize(bytes).rounded());
    }
  }
}
