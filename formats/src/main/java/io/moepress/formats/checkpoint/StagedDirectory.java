package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// An output directory that appears all at once: it is filled beside its final place and moved
/// there by one atomic rename. Closed before [#commit], it leaves nothing behind.
///
/// Its folder carries the number of the process, `<target>.partial-<pid>`, so that two runs never
/// write into the same one; what processes that live no more left behind, the next run clears.
public final class StagedDirectory implements Closeable {
  private static final String PARTIAL = ".partial-";
  private static final String REPLACED = ".replaced-";

  private final Path target;
  private final Path stage;
  private final boolean overwrite;
  private boolean committed;

  private StagedDirectory(Path target, Path stage, boolean overwrite) {
    this.target = target;
    this.stage = stage;
    this.overwrite = overwrite;
  }

  /// Starts an output directory.
  ///
  /// @param overwrite whether a directory that is there already may be replaced
  /// @throws FormatException when `target` is there, not empty, and not to be replaced
  public static StagedDirectory create(Path target, boolean overwrite) throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    Path parent = absolute.getParent();
    if (parent == null) {
      throw FormatException.of("%s: not a place for an output directory", target);
    }
    Files.createDirectories(parent);
    recover(absolute, parent);
    requireFree(target, overwrite);
    Path stage = absolute.resolveSibling(absolute.getFileName() + PARTIAL + pid());
    deleteTree(stage);
    Files.createDirectory(stage);
    return new StagedDirectory(absolute, stage, overwrite);
  }

  /// Refuses an output that exists, before any work is done.
  public static void requireFree(Path target, boolean overwrite) throws IOException {
    if (!Files.exists(target)) {
      return;
    }
    if (!Files.isDirectory(target)) {
      throw FormatException.of("%s: the output is a file (expected a new directory)", target);
    }
    if (!overwrite && !isEmpty(target)) {
      throw FormatException.of(
          "%s: the output exists and is not empty. Choose another directory, or add --overwrite.",
          target);
    }
  }

  /// The directory to fill.
  public Path path() {
    return stage;
  }

  /// Moves the directory to its final place. A directory that it replaces stands aside as
  /// `.replaced-<pid>` meanwhile, and comes back when the move fails.
  public void commit() throws IOException {
    requireFree(target, overwrite);
    Path old = stage.resolveSibling(target.getFileName() + REPLACED + pid());
    deleteTree(old);
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
    deleteTree(old);
  }

  @Override
  public void close() throws IOException {
    if (!committed) {
      deleteTree(stage);
    }
  }

  private static long pid() {
    return ProcessHandle.current().pid();
  }

  /// Clears what killed processes left behind. A directory that one of them had put aside and not
  /// yet replaced comes back.
  private static void recover(Path target, Path parent) throws IOException {
    for (Path old : abandoned(parent, target.getFileName() + REPLACED)) {
      if (Files.exists(target)) {
        deleteTree(old);
      } else {
        Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      }
    }
    for (Path stage : abandoned(parent, target.getFileName() + PARTIAL)) {
      deleteTree(stage);
    }
  }

  private static List<Path> abandoned(Path parent, String prefix) throws IOException {
    try (Stream<Path> siblings = Files.list(parent)) {
      return siblings.filter(sibling -> isAbandoned(sibling, prefix)).toList();
    }
  }

  private static boolean isAbandoned(Path sibling, String prefix) {
    String name = String.valueOf(sibling.getFileName());
    return name.startsWith(prefix)
        && name.substring(prefix.length()).matches("[0-9]{1,18}")
        && ProcessHandle.of(Long.parseLong(name.substring(prefix.length()))).isEmpty();
  }

  private static boolean isEmpty(Path directory) throws IOException {
    try (Stream<Path> children = Files.list(directory)) {
      return children.findAny().isEmpty();
    }
  }

  private static void deleteTree(Path root) throws IOException {
    if (!Files.exists(root, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(root)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.delete(path);
    }
  }
}
