package io.moepress.formats.safetensors;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.tensor.Opening;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/// A safetensors file open for reading. The whole header is validated before any data is mapped.
///
/// Each [#read] maps just the bytes of one tensor for as long as the caller's arena lives, so that
/// the resident memory of a long run follows the tensors in use and not the file. Files beyond 2
/// GiB and tensors beyond 2 GiB are fine. Safe for use by several threads.
public final class SafetensorsFile implements Closeable {
  private static final Comparator<Entry> BY_NAME =
      Comparator.comparing(entry -> entry.info().name());

  private final Path path;
  private final FileChannel channel;
  private final long size;
  private final SafetensorsHeader header;
  private final List<Entry> byName; // a map of them would be as large as they are

  private SafetensorsFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.size = channel.size();
    this.header = readHeader(name(), channel, size);
    this.byName = header.entries().stream().sorted(BY_NAME).toList();
  }

  /// Opens a file and validates its header.
  ///
  /// @throws FormatException when the file breaks a rule of the format
  public static SafetensorsFile open(Path path) throws IOException {
    return Opening.read(path, channel -> new SafetensorsFile(path, channel));
  }

  private static SafetensorsHeader readHeader(String where, FileChannel channel, long size)
      throws IOException {
    Checks.requireFormat(
        size >= SafetensorsHeader.LENGTH_BYTES,
        "%s: %d bytes are too few for a safetensors file (expected at least 8 bytes)",
        where,
        size);
    byte[] prefix = read(where, channel, 0, SafetensorsHeader.LENGTH_BYTES);
    long length = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
    Checks.requireFormat(
        length > 0 && length <= SafetensorsHeader.MAX_LENGTH,
        "%s: header length %s (expected 1 to %d bytes)",
        where,
        Long.toUnsignedString(length),
        SafetensorsHeader.MAX_LENGTH);
    Checks.requireFormat(
        SafetensorsHeader.LENGTH_BYTES + length <= size,
        "%s: header length %d reaches past the end of the file (%d bytes; truncated?)",
        where,
        length,
        size);
    byte[] json = read(where, channel, SafetensorsHeader.LENGTH_BYTES, Math.toIntExact(length));
    return SafetensorsHeader.parse(where, json, size);
  }

  private static byte[] read(String where, FileChannel channel, long position, int length)
      throws IOException {
    byte[] bytes = new byte[length];
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw new FormatException(where + ": the file became shorter while its header was read");
      }
    }
    return bytes;
  }

  /// The file.
  public Path path() {
    return path;
  }

  /// The header, with its tensors in the order of their data.
  public SafetensorsHeader header() {
    return header;
  }

  /// Maps the data of one tensor.
  ///
  /// @param arena keeps the mapping alive; close it to let go of the memory
  /// @throws FormatException when the file has no such tensor or has changed its length
  public TensorData read(String tensor, Arena arena) throws IOException {
    Entry entry = entry(tensor);
    return new TensorData(entry.info(), map(entry.begin(), entry.end() - entry.begin(), arena));
  }

  /// Maps the data of some consecutive rows (indices along axis 0) of a tensor.
  ///
  /// @param arena keeps the mapping alive; close it to let go of the memory
  /// @throws FormatException when the file has no such tensor or has changed its length
  public TensorData readRows(String tensor, long first, long count, Arena arena)
      throws IOException {
    TensorInfo whole = entry(tensor).info();
    long rows = whole.shape().dimension(0);
    Checks.require(
        first >= 0 && count >= 0 && first <= rows - count,
        "tensor %s: rows %d to %d of %d",
        tensor,
        first,
        first + count - 1,
        rows);
    TensorInfo part = new TensorInfo(tensor, whole.dtype(), whole.shape().withRows(count));
    long begin = entry(tensor).begin() + first * whole.bytesPerRow();
    return new TensorData(part, map(begin, count * whole.bytesPerRow(), arena));
  }

  /// Whether the file has a tensor of this name.
  public boolean has(String tensor) {
    return place(tensor) >= 0;
  }

  private Entry entry(String tensor) {
    int place = place(tensor);
    if (place < 0) {
      throw FormatException.of("%s: no tensor %s", name(), tensor);
    }
    return byName.get(place);
  }

  /// The name of the tensor at a place in the order of names.
  public String name(int place) {
    return byName.get(place).info().name();
  }

  /// Where a tensor stands in the order of names; negative when there is none.
  public int place(String tensor) {
    int low = 0;
    int high = byName.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = name(middle).compareTo(tensor);
      if (order == 0) {
        return middle;
      }
      low = order < 0 ? middle + 1 : low;
      high = order < 0 ? high : middle - 1;
    }
    return -1;
  }

  private MemorySegment map(long begin, long length, Arena arena) throws IOException {
    // Touching a mapping behind the end of a file kills the process; look before mapping.
    Checks.requireFormat(
        channel.size() == size,
        "%s: the file had %d bytes when it was opened and has %d now. Leave it alone while"
            + " moepress runs.",
        name(),
        size,
        channel.size());
    return length == 0
        ? MemorySegment.ofArray(new byte[0])
        : channel.map(MapMode.READ_ONLY, header.dataStart() + begin, length, arena);
  }

  private String name() {
    return String.valueOf(path.getFileName());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
