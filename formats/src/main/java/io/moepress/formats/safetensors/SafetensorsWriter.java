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
import java.util.concurrent.atomic.AtomicLong;

/// Writes a safetensors file whose tensors are all known beforehand: header first, then each
/// tensor's bytes to its place, in any order and from several threads. The bytes of the file depend
/// on the tensors alone.
public final class SafetensorsWriter implements Closeable {
  private static final long CHUNK = 64L << 20;

  private final FileChannel channel;
  private final SafetensorsHeader header;
  private final Map<String, Place> places = new HashMap<>();

  /// Where a tensor goes, and how much of it is there already.
  private record Place(Entry entry, AtomicLong written) {}

  private SafetensorsWriter(FileChannel channel, SafetensorsHeader header) {
    this.channel = channel;
    this.header = header;
    for (Entry entry : header.entries()) {
      places.put(entry.info().name(), new Place(entry, new AtomicLong()));
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
    Entry entry = place(tensor).entry();
    Checks.require(
        bytes.byteSize() == entry.end() - entry.begin(),
        "tensor %s: %d bytes for a place of %d",
        tensor,
        bytes.byteSize(),
        entry.end() - entry.begin());
    append(tensor, bytes);
  }

  /// Writes the next bytes of a tensor, behind those already written. One thread writes a tensor.
  public void append(String tensor, MemorySegment bytes) throws IOException {
    Place place = place(tensor);
    long start = place.entry().begin() + place.written().getAndAdd(bytes.byteSize());
    Checks.require(
        start + bytes.byteSize() <= place.entry().end(), "tensor %s written twice", tensor);
    for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
      long length = Math.min(CHUNK, bytes.byteSize() - done);
      writeFully(bytes.asSlice(done, length).asByteBuffer(), header.dataStart() + start + done);
    }
  }

  private Place place(String tensor) {
    Place place = places.get(tensor);
    if (place == null) {
      throw new IllegalArgumentException("no tensor " + tensor + " in the header");
    }
    return place;
  }

  private void writeFully(ByteBuffer buffer, long position) throws IOException {
    long next = position;
    while (buffer.hasRemaining()) {
      next += channel.write(buffer, next);
    }
  }

  /// Completes the file: every tensor must have been written, and the bytes are on the disk after.
  public void finish() throws IOException {
    List<String> missing =
        places.values().stream()
            .filter(place -> !isWritten(place))
            .map(SafetensorsWriter::name)
            .toList();
    Checks.require(missing.isEmpty(), "tensors not written: %s", missing);
    Checks.require(
        channel.size() == header.fileSize(),
        "file has %d bytes, its header says %d",
        channel.size(),
        header.fileSize());
    channel.force(true);
  }

  private static boolean isWritten(Place place) {
    return place.written().get() == place.entry().end() - place.entry().begin();
  }

  private static String name(Place place) {
    return place.entry().info().name();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
