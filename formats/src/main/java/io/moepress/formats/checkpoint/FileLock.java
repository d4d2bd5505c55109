package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/// Keeps two processes from working in one place. The lock is the operating system's: it ends with
/// the process, however that ends, so a file that a killed process left behind bars nobody.
///
/// The file says who holds the lock, and is deleted with it. On POSIX systems a process loses its
/// lock as soon as it closes **any** descriptor of the file, so a file that is locked is never
/// opened again here: runs in this process know of each other by [#HELD].
public final class FileLock implements Closeable {
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();
  private static final int LONGEST_PADDING = 4000;

  private final Path file;
  private final FileChannel channel;

  private FileLock(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Takes the lock.
  ///
  /// @param file the lock's own file; its folder is there
  /// @param place what is locked, for the message
  /// @throws FormatException when another process, or another run in this one, holds it
  public static FileLock acquire(Path file, Path place) throws IOException {
    Path absolute = file.toAbsolutePath().normalize();
    if (!HELD.add(absolute)) {
      throw refusal(place, "process " + ProcessHandle.current().pid());
    }
    boolean acquired = false;
    try {
      FileLock lock = lock(absolute, place);
      acquired = true;
      return lock;
    } finally {
      if (!acquired) {
        HELD.remove(absolute);
      }
    }
  }

  private static FileLock lock(Path file, Path place) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean acquired = false;
    try {
      boolean locked = channel.tryLock() != null;
      acquired = locked && isStillThere(file, channel);
      if (!acquired) {
        throw refusal(place, locked ? "it has just ended" : holder(channel));
      }
      return new FileLock(file, channel);
    } finally {
      if (!acquired) {
        channel.close();
      }
    }
  }

  private static FormatException refusal(Path place, String holder) {
    return FormatException.of(
        "%s: another moepress is at work there (%s). Wait until it ends, or choose another place.",
        place, holder);
  }

  /// The one who held the lock before may have deleted the file after we opened it, and a third may
  /// have made a new one. Ours is known by its length, a number drawn by lot.
  private static boolean isStillThere(Path file, FileChannel channel) throws IOException {
    String owner = "process " + ProcessHandle.current().pid() + "\n";
    String padding = " ".repeat(ThreadLocalRandom.current().nextInt(LONGEST_PADDING));
    byte[] content = (owner + padding).getBytes(StandardCharsets.UTF_8);
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(content), 0);
    try {
      return Files.size(file) == content.length;
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /// What the one who holds the lock has written into its file.
  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer content = ByteBuffer.allocate(64);
    int length = channel.read(content, 0);
    String text = new String(content.array(), 0, Math.max(0, length), StandardCharsets.UTF_8);
    return text.isBlank() ? "process unknown" : text.lines().findFirst().orElse("").strip();
  }

  /// Ends the lock and deletes its file.
  @Override
  public void close() throws IOException {
    try (channel) {
      Files.deleteIfExists(file);
    } finally {
      HELD.remove(file);
    }
  }
}
