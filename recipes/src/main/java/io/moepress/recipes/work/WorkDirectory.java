package io.moepress.recipes.work;

import io.moepress.formats.FormatException;
import io.moepress.formats.checkpoint.Directories;
import io.moepress.formats.checkpoint.FileLock;
import io.moepress.recipes.recipe.RecipeException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Where a run keeps what it has finished, so that the same command can go on after it was stopped:
/// evidence, plan, results, the journal, and the state of a measurement that is under way.
///
/// One process at a time works in it.
public final class WorkDirectory implements Closeable {
  private static final String LOCK = "lock";
  private static final String SPILL = "spill";

  private final Path path;
  private final FileLock lock;

  private WorkDirectory(Path path, FileLock lock) {
    this.path = path;
    this.lock = lock;
  }

  /// Opens a work directory, and makes it where there is none.
  ///
  /// @throws FormatException when another process works there
  public static WorkDirectory open(Path path) throws IOException {
    if (Files.exists(path) && !Files.isDirectory(path)) {
      throw FormatException.of("%s: a file (expected a work directory)", path);
    }
    Files.createDirectories(path);
    return new WorkDirectory(path, FileLock.acquire(path.resolve(LOCK), path));
  }

  /// An output appears by one rename, so nothing may be kept inside it meanwhile.
  ///
  /// @throws RecipeException when the work directory is inside the output
  public static Path requireOutside(Path work, Path output) {
    if (work.toAbsolutePath().normalize().startsWith(output.toAbsolutePath().normalize())) {
      throw new RecipeException(
          "--work-dir " + work + ": inside the output (expected another directory)");
    }
    return work;
  }

  /// The work directory that belongs to an output.
  public static Path beside(Path output) {
    Path absolute = output.toAbsolutePath().normalize();
    Path name = absolute.getFileName();
    if (name == null) {
      throw FormatException.of("%s: not a place for an output directory", output);
    }
    return output.resolveSibling(name + ".work");
  }

  /// The directory.
  public Path path() {
    return path;
  }

  /// The evidence that the first step is planned from.
  public Path evidence() {
    return path.resolve("evidence");
  }

  /// Something in this directory.
  public Path file(String name) {
    return path.resolve(name);
  }

  /// The state of a measurement that is under way.
  ///
  /// @param evidence name of the directory its result will have
  public Path snapshots(Path evidence) {
    return path.resolve(evidence.getFileName() + ".snapshot");
  }

  /// Folder for hidden states that leave memory.
  public Path spill() {
    return path.resolve(SPILL);
  }

  /// Lets go; a directory that nothing was kept in disappears.
  @Override
  public void close() throws IOException {
    try (lock) {
      Directories.delete(spill());
    }
    if (Directories.isEmpty(path)) {
      Files.delete(path);
    }
  }
}
