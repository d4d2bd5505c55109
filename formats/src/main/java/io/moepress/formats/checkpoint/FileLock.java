package io.moepress.formats.checkpoint;

import io.moepress.formats.FormatException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/// Keeps two processes from working in one place. The lock is the operating system's: it ends with
/// the process, however that ends, so a file that a killed process left behind bars nobody.
///
/// The file says who holds the lock, and is deleted with it.
public final class FileLock implements Closeable {
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
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean acquired = false;
    try {
      acquired = isLocked(channel) && isStillThere(file, channel);
      if (!acquired) {
        throw FormatException.of(
            "%s: another moepress is at work there (%s). Wait until it ends, or choose another"
                + " place.",
            place, holder(file));
      }
      return new FileLock(file, channel);
    } finally {
      if (!acquired) {
        channel.close();
      }
    }
  }

  private static boolean isLocked(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      return false; // held by this very process
    }
  }

  /// The one who held the lock before may have deleted the file after we opened it, and a third may
  /// have made a new one: only what is found under the name counts.
  private static boolean isStillThere(Path file, FileChannel channel) throws IOException {
    String token = "process " + ProcessHandle.current().pid() + "\n" + UUID.randomUUID() + "\n";
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(token.getBytes(StandardCharsets.UTF_8)), 0);
    try {
      return Files.readString(file).equals(token);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static String holder(Path file) throws IOException {
    try {
      return Files.readString(file).lines().findFirst().orElse("process unknown");
    } catch (NoSuchFileException e) {
      return "it has just ended";
    }
  }

  /// Ends the lock and deletes its file.
  @Override
  public void close() throws IOException {
    Files.deleteIfExists(file);
    channel.close();
  }
}
