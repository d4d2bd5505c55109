package io.moepress.formats.safetensors;

import io.moepress.formats.Checks;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.tensor.TensorInfo;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Writes a safetensors file whose tensors are all known beforehand: header first, then each
/// tensor's bytes to its place, in any order and from several threads. The bytes of the file depend
/// on the tensors alone.
public final class SafetensorsWriter implements Closeable {
  private static final long CHUNK = 64L << 20;

  private final FileChannel channel;
  private final SafetensorsHeader header;
  private final Map<String, Entry> missing = new ConcurrentHashMap<>();
  private final Map<String, Entry> entries = new HashMap<>();

  private SafetensorsWriter(FileChannel channel, SafetensorsHeader header) {
    this.channel = channel;
    this.header = header;
    for (Entry entry : header.entries()) {
      entries.put(entry.info().name(), entry);
      missing.put(entry.info().name(), entry);
    }
  }

  /// Creates the file and writes its header.
  ///
  /// @throws java.nio.file.FileAlreadyExistsException when the file is there already
  public static SafetensorsWriter create(
      Path path, List<TensorInfo> tensors, Map<String, String> metadata) throws IOException {
    SafetensorsHeader header = SafetensorsHeader.layOut(tensors, metadata);
    FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    SafetensorsWriter writer = new SafetensorsWriter(channel, header);
    boolean created = false;
    try {
      writer.writeFully(ByteBuffer.wrap(header.encode()), 0);
      created = true;
      return writer;
    } finally {
      if (!created) {
        writer.close();
      }
    }
  }

  /// The header that stands in the file.
  public SafetensorsHeader header() {
    return header;
  }

  /// Writes the data of one tensor, all of it, once.
  public void write(String tensor, MemorySegment bytes) throws IOException {
    Entry entry = entries.get(tensor);
    if (entry == null) {
      throw new IllegalArgumentException("no tensor " + tensor + " in the header");
    }
    Checks.require(
        bytes.byteSize() == entry.end() - entry.begin(),
        "tensor %s: %d bytes for a place of %d",
        tensor,
        bytes.byteSize(),
        entry.end() - entry.begin());
    Checks.require(missing.remove(tensor) != null, "tensor %s written twice", tensor);
    for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
      long length = Math.min(CHUNK, bytes.byteSize() - done);
      writeFully(
          bytes.asSlice(done, length).asByteBuffer(), header.dataStart() + entry.begin() + done);
    }
  }

  private void writeFully(ByteBuffer buffer, long position) throws IOException {
    long next = position;
    while (buffer.hasRemaining()) {
      next += channel.write(buffer, next);
    }
  }

  /// Completes the file: every tensor must have been written, and the bytes are on the disk after.
  public void finish() throws IOException {
    Checks.require(missing.isEmpty(), "tensors not written: %s", missing.keySet());
    Checks.require(
        channel.size() == header.fileSize(),
        "file has %d bytes, its header says %d",
        channel.size(),
        header.fileSize());
    channel.force(true);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
