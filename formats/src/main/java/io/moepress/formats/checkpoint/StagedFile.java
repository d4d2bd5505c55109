package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/// An output file that appears all at once: it is written beside its final place, as
/// `<target>.partial`, and moved there by one atomic rename. One process at a time writes it;
/// `<target>.lock` says which. Closed before [#commit], it leaves nothing behind, unless told to
/// [#keep] what there is for another run.
public final class StagedFile implements Closeable {
  private final Path directory;
  private final Path target;
  private final boolean overwrite;
  private final FileLock lock;
  private boolean kept;

  private StagedFile(Path directory, Path target, boolean overwrite, FileLock lock) {
    this.directory = directory;
    this.target = target;
    this.overwrite = overwrite;
    this.lock = lock;
  }

  /// Starts an output file.
  ///
  /// @param overwrite whether a file that is there already may be replaced
  /// @throws FormatException when `target` is there and not to be replaced, or another process is
  ///   making it
  public static StagedFile create(Path target, boolean overwrite) throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    if (parent == null) {
      throw FormatException.of("%s: not a place for an output file", target);
    }
    Files.createDirectories(parent);
    requireFree(target, overwrite);
    FileLock lock = FileLock.acquire(beside(absolute, ".lock"), target);
    return new StagedFile(parent, absolute, overwrite, lock);
  }

  private static Path beside(Path target, String suffix) {
    return target.resolveSibling(target.getFileName() + suffix);
  }

  /// Refuses an output that exists, before any work is done.
  public static void requireFree(Path target, boolean overwrite) {
    if (Files.isDirectory(target)) {
      throw FormatException.of("%s: the output is a directory (expected a new file)", target);
    }
    if (!overwrite && Files.exists(target)) {
      throw FormatException.of(
          "%s: the output exists. Choose another file, or add --overwrite.", target);
    }
  }

  /// Where the file will be.
  public Path directory() {
    return directory;
  }

  /// The file to write.
  public Path path() {
    return beside(target, ".partial");
  }

  /// Moves the file to its final place.
  public void commit() throws IOException {
    requireFree(target, overwrite);
    Files.move(path(), target, StandardCopyOption.ATOMIC_MOVE);
  }

  /// Whether what is written stays when it is closed before [#commit].
  public void keep(boolean unfinished) {
    kept = unfinished;
  }

  @Override
  public void close() throws IOException {
    try (lock) {
      if (!kept) {
        Files.deleteIfExists(path());
      }
    }
  }
}
