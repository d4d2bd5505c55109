package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.formats.Checks;
import io.moepress.formats.tensor.Mapped;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A float32 matrix `[tokens, width]`: one row for each token of the corpus. It stands in native
/// memory, or in a file whose rows are in memory only while they are worked on.
///
/// Threads may work on different rows at the same time.
public final class HiddenStates implements AutoCloseable {
  private static final long CHUNK = 4L << 20;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment values;
  private final long tokens;
  private final int width;

  private HiddenStates(long tokens, int width, Backing backing) throws IOException {
    Checks.require(tokens > 0 && width > 0, "hidden states [%d, %d]", tokens, width);
    this.tokens = tokens;
    this.width = width;
    this.values = backing.of(Math.multiplyExact(tokens, (long) width * Float.BYTES), arena);
  }

  /// Where the values stand.
  private interface Backing {
    MemorySegment of(long bytes, Arena arena) throws IOException;
  }

  /// Zeros in memory.
  public static HiddenStates inMemory(long tokens, int width) {
    try {
      return new HiddenStates(tokens, width, (bytes, arena) -> arena.allocate(bytes, 64));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory is no file
    }
  }

  /// Zeros in a file that has no name any more, and goes with the matrix or the process.
  ///
  /// @param folder a directory on a disk with room for it
  public static HiddenStates inFile(long tokens, int width, Path folder) throws IOException {
    Path file = Files.createTempFile(folder, "states-", ".f32");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return new HiddenStates(
          tokens,
          width,
          (bytes, arena) -> {
            fill(channel, bytes);
            return channel.map(MapMode.READ_WRITE, 0, bytes, arena);
          });
    } finally {
      forget(file);
    }
  }

  private static void forget(Path file) throws IOException {
    try {
      Files.delete(file);
    } catch (FileSystemException e) { // where a mapped file keeps its name
      file.toFile().deleteOnExit();
    }
  }

  /// Takes the room on the disk now: a disk that is full kills a process that writes to a mapping.
  private static void fill(FileChannel channel, long bytes) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(bytes, CHUNK));
    for (long done = 0; done < bytes; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - done));
      done += channel.write(zeros, done);
    }
  }

  /// Says that rows are not needed for a while. Where they stand in a file, they leave memory.
  public void rest(long first, long count) {
    Mapped.rest(rows(first, count));
  }

  /// Says that no row is needed for a while.
  public void rest() {
    rest(0, tokens);
  }

  /// Number of rows.
  public long tokens() {
    return tokens;
  }

  /// Length of a row, `H`.
  public int width() {
    return width;
  }

  /// The memory of consecutive rows, not copied.
  public MemorySegment rows(long first, long count) {
    long bytesPerRow = (long) width * Float.BYTES;
    return values.asSlice(first * bytesPerRow, count * bytesPerRow);
  }

  /// The memory of one row, not copied.
  public MemorySegment row(long token) {
    return rows(token, 1);
  }

  /// Adds `scale` times the [#width] floats from `offset` on to the row of `token`.
  ///
  /// The sum is taken in an array: loops over arrays are compiled to vector instructions, loops
  /// over memory segments not always.
  ///
  /// @param sum room for a row
  void addScaled(long token, float scale, float[] rows, int offset, float[] sum) {
    long start = token * width * Float.BYTES;
    MemorySegment.copy(values, JAVA_FLOAT, start, sum, 0, width);
    for (int i = 0; i < width; i++) {
      sum[i] += scale * rows[offset + i];
    }
    MemorySegment.copy(sum, 0, values, JAVA_FLOAT, start, width);
  }

  /// Sets everything to zero.
  public void clear() {
    for (long done = 0; done < values.byteSize(); done += CHUNK) {
      MemorySegment chunk = values.asSlice(done, Math.min(CHUNK, values.byteSize() - done));
      chunk.fill((byte) 0);
      Mapped.rest(chunk);
    }
  }

  /// Sets everything to the values of another matrix of the same shape.
  void copyFrom(HiddenStates other) {
    for (long done = 0; done < values.byteSize(); done += CHUNK) {
      long length = Math.min(CHUNK, values.byteSize() - done);
      MemorySegment chunk = values.asSlice(done, length);
      MemorySegment from = other.values.asSlice(done, length);
      chunk.copyFrom(from);
      Mapped.rest(chunk);
      Mapped.rest(from);
    }
  }

  /// Copies all values to a channel.
  public void writeTo(FileChannel channel) throws IOException {
    for (long done = 0; done < values.byteSize(); done += CHUNK) {
      MemorySegment chunk = values.asSlice(done, Math.min(CHUNK, values.byteSize() - done));
      ByteBuffer buffer = chunk.asByteBuffer();
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }
    rest();
  }

  /// Sets all values from a channel.
  ///
  /// @throws EOFException when it has fewer
  public void readFrom(FileChannel channel) throws IOException {
    for (long done = 0; done < values.byteSize(); done += CHUNK) {
      MemorySegment chunk = values.asSlice(done, Math.min(CHUNK, values.byteSize() - done));
      ByteBuffer buffer = chunk.asByteBuffer();
      while (buffer.hasRemaining()) {
        if (channel.read(buffer) < 0) {
          throw new EOFException("hidden states end early");
        }
      }
    }
    rest();
  }

  @Override
  public void close() {
    arena.close();
  }
}
