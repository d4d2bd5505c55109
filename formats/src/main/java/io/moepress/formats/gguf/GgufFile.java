package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.gguf.GgufHeader.Entry;
import io.moepress.formats.tensor.Opening;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A GGUF file open for reading. The whole head is validated before any data is mapped; data is
/// mapped tensor by tensor, as long as the caller's arena lives. Safe for use by several threads.
public final class GgufFile implements Closeable {
  private final Path path;
  private final FileChannel channel;
  private final long size;
  private final GgufHeader header;
  private final Map<String, Entry> entries = new HashMap<>();

  private GgufFile(Path path, FileChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.size = channel.size();
    this.header = new GgufHeaderReader(name(), channel, size).read();
    for (Entry entry : header.entries()) {
      entries.put(entry.info().name(), entry);
    }
  }

  /// Opens a file and validates its head.
  ///
  /// @throws FormatException when the file breaks a rule of the format
  public static GgufFile open(Path path) throws IOException {
    return Opening.read(path, channel -> new GgufFile(path, channel));
  }

  /// The file.
  public Path path() {
    return path;
  }

  /// The head.
  public GgufHeader header() {
    return header;
  }

  /// Bytes of the whole file.
  public long size() {
    return size;
  }

  /// The tensors in the order of the file.
  public List<GgufTensorInfo> tensors() {
    return header.entries().stream().map(Entry::info).toList();
  }

  /// A tensor, if the file has it.
  public Optional<GgufTensorInfo> tensor(String name) {
    return Optional.ofNullable(entries.get(name)).map(Entry::info);
  }

  /// The whole number under a key; nothing when it is absent or something else.
  public Optional<Long> whole(String key) {
    return header.metadata().get(key) instanceof GgufValue.One one && one.kind().isWhole()
        ? Optional.of((Long) one.value())
        : Optional.empty();
  }

  /// The text under a key; nothing when it is absent or something else.
  public Optional<String> text(String key) {
    return header.metadata().get(key) instanceof GgufValue.One one && one.kind() == GgufKind.STRING
        ? Optional.of((String) one.value())
        : Optional.empty();
  }

  /// Maps the data of one tensor, without padding.
  ///
  /// @param arena keeps the mapping alive; close it to let go of the memory
  /// @throws FormatException when the file has no such tensor or has changed its length
  public MemorySegment read(String tensor, Arena arena) throws IOException {
    Entry entry = entry(tensor);
    return map(entry.begin(), entry.info().byteCount(), arena);
  }

  /// Maps consecutive slices (indices along the outermost axis) of a tensor.
  ///
  /// @param arena keeps the mapping alive; close it to let go of the memory
  /// @throws FormatException when the file has no such tensor or has changed its length
  public MemorySegment readSlices(String tensor, long first, long count, Arena arena)
      throws IOException {
    Entry entry = entry(tensor);
    long slices = entry.info().shape().dimension(0);
    Checks.require(
        first >= 0 && count >= 0 && first <= slices - count,
        "tensor %s: slices %d to %d of %d",
        tensor,
        first,
        first + count - 1,
        slices);
    long bytes = entry.info().bytesPerSlice();
    return map(entry.begin() + first * bytes, count * bytes, arena);
  }

  /// Maps consecutive rows (of the innermost extent) of a tensor.
  ///
  /// @param arena keeps the mapping alive; close it to let go of the memory
  /// @throws FormatException when the file has no such tensor or has changed its length
  public MemorySegment readRows(String tensor, long first, long count, Arena arena)
      throws IOException {
    Entry entry = entry(tensor);
    GgufTensorInfo info = entry.info();
    long rows = info.shape().elementCount() / info.width();
    Checks.require(
        first >= 0 && count >= 0 && first <= rows - count,
        "tensor %s: rows %d to %d of %d",
        tensor,
        first,
        first + count - 1,
        rows);
    long bytes = info.type().bytes(info.width());
    return map(entry.begin() + first * bytes, count * bytes, arena);
  }

  private Entry entry(String tensor) {
    Entry entry = entries.get(tensor);
    if (entry == null) {
      throw FormatException.of("%s: no tensor %s", name(), tensor);
    }
    return entry;
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
    return channel.map(MapMode.READ_ONLY, header.dataStart() + begin, length, arena);
  }

  private String name() {
    return String.valueOf(path.getFileName());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
