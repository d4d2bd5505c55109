package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.gguf.GgufHeader.Entry;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;

/// Writes a GGUF file from front to back: the head first, since all tensors are known beforehand,
/// then their data in the order of the head, piece by piece. Padding comes by itself. The digest of
/// the file is taken on the way.
public final class GgufWriter implements Closeable {
  private static final long CHUNK = 64L << 20;

  private final FileChannel channel;
  private final GgufHeader header;
  private final MessageDigest digest = Fingerprint.sha256();

  /// The tensor that is being written, and where.
  private int tensor;

  private long position;

  private GgufWriter(FileChannel channel, GgufHeader header) {
    this.channel = channel;
    this.header = header;
  }

  /// Creates the file, or empties one that is there, and writes its head.
  public static GgufWriter create(Path path, GgufHeader header) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    GgufWriter writer = new GgufWriter(channel, header);
    boolean created = false;
    try {
      writer.put(ByteBuffer.wrap(header.encode()));
      created = true;
      return writer;
    } finally {
      if (!created) {
        writer.close();
      }
    }
  }

  /// Writes the next bytes of the tensor whose turn it is.
  ///
  /// @param name of the tensor
  public void append(String name, MemorySegment bytes) throws IOException {
    Checks.require(tensor < header.entries().size(), "tensor %s: all are written", name);
    Entry entry = header.entries().get(tensor);
    Checks.require(
        entry.info().name().equals(name), "tensor %s before %s", name, entry.info().name());
    Checks.require(
        bytes.byteSize() <= entry.end() - position,
        "tensor %s: %d bytes, but only %d have a place",
        name,
        bytes.byteSize(),
        entry.end() - position);
    for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
      put(bytes.asSlice(done, Math.min(CHUNK, bytes.byteSize() - done)).asByteBuffer());
    }
    position += bytes.byteSize();
    if (position == entry.end()) {
      endTensor();
    }
  }

  private void endTensor() throws IOException {
    long next = GgufHeader.padded(position, header.alignment());
    put(ByteBuffer.allocate(Math.toIntExact(next - position)));
    position = next;
    tensor++;
  }

  private void put(ByteBuffer bytes) throws IOException {
    digest.update(bytes.duplicate());
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /// Completes the file: every tensor must have been written, and the bytes are on the disk after.
  ///
  /// @return `sha256:` and the digest of the whole file
  public String finish() throws IOException {
    Checks.require(
        tensor == header.entries().size(),
        "%d of %d tensors written",
        tensor,
        header.entries().size());
    channel.force(true);
    return Fingerprint.format(digest);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
