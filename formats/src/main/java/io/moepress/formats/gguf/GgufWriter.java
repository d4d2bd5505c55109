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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/// Writes a GGUF file from front to back: the head first, since all tensors are known beforehand,
/// then their data in the order of the head, piece by piece. Padding comes by itself. The digest of
/// the file is taken on the way.
///
/// A file that a stopped run left can be gone on with: each finished tensor is known by its
/// checksum.
public final class GgufWriter implements Closeable {
  private static final long CHUNK = 64L << 20;
  private static final int READ_AT_ONCE = 1 << 20;

  private final FileChannel channel;
  private final GgufHeader header;
  private final MessageDigest digest = Fingerprint.sha256();
  private final CRC32C tensorSum = new CRC32C();
  private final List<Long> checksums = new ArrayList<>();

  /// The tensor that is being written, and where.
  private int tensor;

  private long position;

  private GgufWriter(FileChannel channel, GgufHeader header) {
    this.channel = channel;
    this.header = header;
  }

  /// Creates the file, or empties one that is there, and writes its head.
  public static GgufWriter create(Path path, GgufHeader header) throws IOException {
    return resume(path, header, List.of());
  }

  /// Goes on with a file behind its last sound tensor; what follows is cut off. A file with another
  /// head is begun anew.
  ///
  /// @param finished checksums of the first tensors as they were written, see [#checksums]
  public static GgufWriter resume(Path path, GgufHeader header, List<Long> finished)
      throws IOException {
    FileChannel channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    GgufWriter writer = new GgufWriter(channel, header);
    boolean created = false;
    try {
      writer.begin(finished);
      created = true;
      return writer;
    } finally {
      if (!created) {
        writer.close();
      }
    }
  }

  private void begin(List<Long> finished) throws IOException {
    byte[] head = header.encode();
    if (finished.isEmpty() || !beginsWith(head)) {
      channel.truncate(0);
      put(ByteBuffer.wrap(head));
      return;
    }
    while (tensor < Math.min(finished.size(), header.entries().size())) {
      long next = GgufHeader.padded(header.entries().get(tensor).end(), header.alignment());
      if (!isSound(position, next, finished.get(tensor))) {
        break;
      }
      checksums.add(finished.get(tensor));
      position = next;
      tensor++;
    }
    read(0, header.dataStart() + position, digest::update);
    channel.truncate(header.dataStart() + position);
    channel.position(header.dataStart() + position);
  }

  private boolean beginsWith(byte[] head) throws IOException {
    ByteBuffer found = ByteBuffer.allocate(head.length);
    return channel.size() >= head.length
        && channel.read(found, 0) == head.length
        && Arrays.equals(found.array(), head);
  }

  private boolean isSound(long begin, long end, long expected) throws IOException {
    if (channel.size() < header.dataStart() + end) {
      return false;
    }
    CRC32C sum = new CRC32C();
    read(header.dataStart() + begin, header.dataStart() + end, sum::update);
    return sum.getValue() == expected;
  }

  private void read(long begin, long end, Consumer<ByteBuffer> sink) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(READ_AT_ONCE);
    for (long done = begin; done < end; ) {
      buffer.clear().limit((int) Math.min(READ_AT_ONCE, end - done));
      int count = channel.read(buffer, done);
      Checks.requireFormat(count > 0, "a file became shorter while it was read");
      sink.accept(buffer.flip());
      done += count;
    }
  }

  /// Checksums of the tensors that are finished, in order, their padding included.
  public List<Long> checksums() {
    return Collections.unmodifiableList(checksums);
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
      putData(bytes.asSlice(done, Math.min(CHUNK, bytes.byteSize() - done)).asByteBuffer());
    }
    position += bytes.byteSize();
    if (position == entry.end()) {
      endTensor();
    }
  }

  private void endTensor() throws IOException {
    long next = GgufHeader.padded(position, header.alignment());
    putData(ByteBuffer.allocate(Math.toIntExact(next - position)));
    position = next;
    tensor++;
    checksums.add(tensorSum.getValue());
    tensorSum.reset();
  }

  private void putData(ByteBuffer bytes) throws IOException {
    tensorSum.update(bytes.duplicate());
    put(bytes);
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
