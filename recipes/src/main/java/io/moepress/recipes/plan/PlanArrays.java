package io.moepress.recipes.plan;

import io.moepress.formats.FormatException;
import io.moepress.formats.safetensors.SafetensorsFile;
import io.moepress.formats.safetensors.SafetensorsHeader;
import io.moepress.formats.safetensors.SafetensorsHeader.Entry;
import io.moepress.formats.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The file of arrays beside a plan: `plan.arrays.safetensors` beside `plan.json`. Its tensors are
/// named by the digests of their bytes.
///
/// The header of a file that is read from is kept, for a plan may name many arrays. That the bytes
/// are the right ones is seen by their digests.
final class PlanArrays implements PlanArray.Source {
  /// No file of a checkpoint is called so.
  private static final String SUFFIX = ".arrays.safetensors";

  private final Path file;
  private @Nullable Contents contents;

  /// Where the arrays of a file stand.
  ///
  /// @param entries by name
  /// @param dataStart where the bytes of the first begin
  private record Contents(Map<String, Entry> entries, long dataStart) {}

  /// The arrays in a file; it is there only if the plan names arrays.
  PlanArrays(Path file) {
    this.file = file;
  }

  /// The file of arrays of a plan file.
  static PlanArrays beside(Path plan) {
    String name = String.valueOf(plan.getFileName());
    String stem = name.endsWith(".json") ? name.substring(0, name.length() - 5) : name;
    return new PlanArrays(plan.resolveSibling(stem + SUFFIX));
  }

  /// Writes arrays, or removes the file when there are none. It appears, or changes, all at once.
  void write(Collection<PlanArray> arrays) throws IOException {
    if (arrays.isEmpty()) {
      Files.deleteIfExists(file);
      return;
    }
    // In the order of the plan: what is calculated on demand is so side by side.
    Map<String, PlanArray> distinct = new LinkedHashMap<>();
    arrays.forEach(array -> distinct.put(array.info().name(), array));
    Path stage = file.resolveSibling(file.getFileName() + ".partial");
    Files.deleteIfExists(stage); // of a run that was stopped
    try {
      write(stage, distinct.values());
      Files.move(stage, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(stage);
    }
  }

  private static void write(Path stage, Collection<PlanArray> arrays) throws IOException {
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(stage, arrays.stream().map(PlanArray::info).toList(), Map.of())) {
      for (PlanArray array : arrays) {
        writer.write(array.info().name(), MemorySegment.ofArray(array.bytes()));
      }
      writer.finish();
    }
  }

  @Override
  public byte[] bytes(PlanArray array) {
    if (!Files.isRegularFile(file)) {
      throw FormatException.of(
          "%s: no such file (expected the arrays of the plan beside it, among them %s). Copy both"
              + " files, or make the plan again.",
          file, array.name());
    }
    try {
      Contents there = contents();
      Entry entry = there.entries().get(array.info().name());
      if (entry == null || !entry.info().equals(array.info())) {
        throw FormatException.of(
            "%s: no array %s (%s %s) that the plan names. Make the plan again.",
            file, array.name(), array.dtype(), array.shape());
      }
      return read(there.dataStart() + entry.begin(), Math.toIntExact(entry.info().byteCount()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private synchronized Contents contents() throws IOException {
    if (contents == null) {
      try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
        SafetensorsHeader header = tensors.header();
        Map<String, Entry> entries = new HashMap<>();
        header.entries().forEach(entry -> entries.put(entry.info().name(), entry));
        contents = new Contents(entries, header.dataStart());
      }
    }
    return contents;
  }

  private byte[] read(long position, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    try (FileChannel channel = FileChannel.open(file)) {
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, position + bytes.position()) < 0) {
          throw FormatException.of(
              "%s: ends at byte %d (expected %d). The file was changed; make the plan again.",
              file, channel.size(), position + count);
        }
      }
    }
    return bytes.array();
  }
}
