package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/// An output directory that appears all at once: it is filled beside its final place, as
/// `<target>.partial`, and moved there by one atomic rename.
///
/// One process at a time fills it; `<target>.lock` says which. A stage that was [created](#create)
/// leaves nothing behind when it is closed before [#commit]. One that was [resumed](#resume) keeps
/// what is finished, so that the next run can go on there.
public final class StagedDirectory implements Closeable {
  private static final String PARTIAL = ".partial";
  private static final String REPLACED = ".replaced";
  private static final String LOCK = ".lock";

  private final Path target;
  private final Path stage;
  private final boolean overwrite;
  private final boolean resumable;
  private final FileLock lock;
  private boolean committed;

  private StagedDirectory(Path target, FileLock lock, boolean overwrite, boolean resumable) {
    this.target = target;
    this.stage = beside(target, PARTIAL);
    this.lock = lock;
    this.overwrite = overwrite;
    this.resumable = resumable;
  }

  /// Starts an output directory with nothing in it.
  ///
  /// @param overwrite whether a directory that is there already may be replaced
  /// @throws FormatException when `target` is there, not empty, and not to be replaced, or another
  ///   process is making it
  public static StagedDirectory create(Path target, boolean overwrite) throws IOException {
    return start(target, overwrite, false);
  }

  /// Starts an output directory with whatever an earlier run that did not reach its end left there,
  /// and keeps what is there when this run does not reach it either.
  ///
  /// @param overwrite as for [#create]
  /// @throws FormatException as for [#create]
  public static StagedDirectory resume(Path target, boolean overwrite) throws IOException {
    return start(target, overwrite, true);
  }

  private static StagedDirectory start(Path target, boolean overwrite, boolean resumable)
      throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    if (parent == null) {
      throw FormatException.of("%s: not a place for an output directory", target);
    }
    Files.createDirectories(parent);
    FileLock lock = FileLock.acquire(beside(absolute, LOCK), target);
    boolean started = false;
    try {
      StagedDirectory staged = new StagedDirectory(absolute, lock, overwrite, resumable);
      staged.recover();
      requireFree(target, overwrite);
      if (!resumable || !Files.isDirectory(staged.stage, LinkOption.NOFOLLOW_LINKS)) {
        Directories.delete(staged.stage);
        Files.createDirectory(staged.stage);
      }
      started = true;
      return staged;
    } finally {
      if (!started) {
        lock.close();
      }
    }
  }

  private static Path beside(Path target, String suffix) {
    return target.resolveSibling(target.getFileName() + suffix);
  }

  /// Refuses an output that exists, before any work is done.
  public static void requireFree(Path target, boolean overwrite) throws IOException {
    if (!Files.exists(target)) {
      return;
    }
    if (!Files.isDirectory(target)) {
      throw FormatException.of("%s: the output is a file (expected a new directory)", target);
    }
    if (!overwrite && !Directories.isEmpty(target)) {
      throw FormatException.of(
          "%s: the output exists and is not empty. Choose another directory, or add --overwrite.",
          target);
    }
  }

  /// A killed process may have put the old directory aside and not have moved the new one yet: the
  /// old one comes back.
  private void recover() throws IOException {
    Path old = beside(target, REPLACED);
    if (!Files.exists(old, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (Files.exists(target)) {
      Directories.delete(old);
    } else {
      Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /// The directory to fill.
  public Path path() {
    return stage;
  }

  /// Moves the directory to its final place. A directory that it replaces stands aside as
  /// `<target>.replaced` meanwhile, and comes back when the move fails.
  public void commit() throws IOException {
    requireFree(target, overwrite);
    Path old = beside(target, REPLACED);
    boolean replaces = Files.exists(target);
    if (replaces) {
      Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    }
    try {
      Files.move(stage, target, StandardCopyOption.ATOMIC_MOVE);
      committed = true;
    } finally {
      if (replaces && !committed) {
        Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      }
    }
    Directories.delete(old);
  }

  @Override
  public void close() throws IOException {
    try (lock) {
      if (!committed && (!resumable || Directories.isEmpty(stage))) {
        Directories.delete(stage);
      }
    }
  }
}
