package io.moepress.formats.safetensors;

import io.moepress.formats.Checks;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.TensorInfo;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The head of a safetensors file.
///
/// ```
/// offset 0      u64, little-endian   N, length of the JSON
/// offset 8      N bytes, UTF-8       {"__metadata__": {string: string},
///                                     "name": {"dtype": "BF16", "shape": [2, 3],
///                                              "data_offsets": [begin, end]}, ...}
/// offset 8 + N  data                 offsets count from here; no gap, no overlap, nothing behind
/// ```
///
/// @param entries tensors in the order of their data
/// @param metadata free text that travels with the file
/// @param dataStart offset of the data in the file, 8 + N
public record SafetensorsHeader(List<Entry> entries, Map<String, String> metadata, long dataStart) {

  /// Longest JSON the format allows, in bytes.
  public static final long MAX_LENGTH = 100_000_000;

  static final int LENGTH_BYTES = Long.BYTES;

  /// A tensor and where its data stands.
  ///
  /// @param info name, type and shape
  /// @param begin first byte, counted from `dataStart`
  /// @param end byte behind the last one
  public record Entry(TensorInfo info, long begin, long end) {}

  public SafetensorsHeader {
    entries = List.copyOf(entries);
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /// Lays out tensors for writing: widest type first, then by name, so that every tensor is aligned
  /// to its type; the header is padded with spaces to a multiple of 8 bytes.
  ///
  /// @throws IllegalArgumentException for two tensors of one name
  public static SafetensorsHeader layOut(List<TensorInfo> tensors, Map<String, String> metadata) {
    List<TensorInfo> ordered = new ArrayList<>(tensors);
    ordered.sort(
        Comparator.comparing(TensorInfo::dtype).reversed().thenComparing(TensorInfo::name));
    List<Entry> entries = new ArrayList<>();
    Set<String> names = new HashSet<>(Set.of(HeaderParser.METADATA));
    long position = 0;
    for (TensorInfo tensor : ordered) {
      Checks.require(names.add(tensor.name()), "two tensors of the name %s", tensor.name());
      long end = Math.addExact(position, tensor.byteCount());
      entries.add(new Entry(tensor, position, end));
      position = end;
    }
    int length = new SafetensorsHeader(entries, metadata, 0).encode().length;
    return new SafetensorsHeader(entries, metadata, length);
  }

  /// Bytes of the whole file.
  public long fileSize() {
    return Math.addExact(dataStart, entries.isEmpty() ? 0 : entries.getLast().end());
  }

  /// The bytes in front of the data: length and padded JSON.
  public byte[] encode() {
    ByteArrayOutputStream json = new ByteArrayOutputStream();
    json.writeBytes(Json.mapper().writeValueAsBytes(tree()));
    while (json.size() % LENGTH_BYTES != 0) {
      json.write(' ');
    }
    Checks.require(json.size() <= MAX_LENGTH, "header of %d bytes is too long", json.size());
    return ByteBuffer.allocate(LENGTH_BYTES + json.size())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.size())
        .put(json.toByteArray())
        .array();
  }

  private Map<String, Object> tree() {
    Map<String, Object> tree = new LinkedHashMap<>();
    if (!metadata.isEmpty()) {
      tree.put(HeaderParser.METADATA, metadata);
    }
    for (Entry entry : entries) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("dtype", entry.info().dtype().name());
      fields.put("shape", entry.info().shape().dimensions());
      fields.put("data_offsets", List.of(entry.begin(), entry.end()));
      tree.put(entry.info().name(), fields);
    }
    return tree;
  }

  /// Parses and validates the JSON part.
  ///
  /// @param where name of the file, for messages
  /// @param json the JSON bytes
  /// @param fileSize length of the whole file, which the entries must fill exactly
  static SafetensorsHeader parse(String where, byte[] json, long fileSize) {
    HeaderParser parser = new HeaderParser(where, HeaderParser.decodeUtf8(where, json));
    parser.parse();
    long dataStart = LENGTH_BYTES + (long) json.length;
    List<Entry> entries = new ArrayList<>(parser.entries());
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    requireContiguous(where, entries, fileSize - dataStart);
    return new SafetensorsHeader(entries, parser.metadata(), dataStart);
  }

  private static void requireContiguous(String where, List<Entry> entries, long dataSize) {
    long position = 0;
    for (Entry entry : entries) {
      String name = entry.info().name();
      Checks.requireFormat(
          entry.begin() >= position,
          "%s: tensor %s: overlap: begins at %d, but the tensor before it ends at %d",
          where,
          name,
          entry.begin(),
          position);
      Checks.requireFormat(
          entry.begin() == position,
          "%s: tensor %s: gap: begins at %d, but the tensor before it ends at %d",
          where,
          name,
          entry.begin(),
          position);
      position = entry.end();
    }
    Checks.requireFormat(
        position == dataSize,
        "%s: the header describes %d bytes of data, but the file holds %d (%s)",
        where,
        position,
        dataSize,
        position > dataSize
            ? "truncated; copy or download it again"
            : "bytes after the last tensor");
  }
}
