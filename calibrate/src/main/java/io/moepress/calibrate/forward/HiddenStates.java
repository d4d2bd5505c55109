package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.moepress.formats.Checks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// A float32 matrix `[tokens, width]` in native memory: one row for each token of the corpus.
///
/// Threads may work on different rows at the same time.
public final class HiddenStates implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment values;
  private final long tokens;
  private final int width;

  /// Allocates zeros.
  public HiddenStates(long tokens, int width) {
    Checks.require(tokens > 0 && width > 0, "hidden states [%d, %d]", tokens, width);
    this.tokens = tokens;
    this.width = width;
    this.values = arena.allocate(Math.multiplyExact(tokens, (long) width * Float.BYTES), 64);
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
  public void addScaled(long token, float scale, float[] rows, int offset) {
    float[] sum = row(token).toArray(JAVA_FLOAT);
    for (int i = 0; i < width; i++) {
      sum[i] += scale * rows[offset + i];
    }
    row(token).copyFrom(MemorySegment.ofArray(sum));
  }

  /// Adds all of `other`, row by row.
  public void add(HiddenStates other) {
    for (long token = 0; token < tokens; token++) {
      addScaled(token, 1, other.row(token).toArray(JAVA_FLOAT), 0);
    }
  }

  /// Sets everything to zero.
  public void clear() {
    values.fill((byte) 0);
  }

  @Override
  public void close() {
    arena.close();
  }
}
