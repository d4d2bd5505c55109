package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The head of a GGUF file. All numbers are little-endian; a string is a u64 length and UTF-8.
///
/// ```
/// "GGUF"  u32 version (3)  u64 tensors  u64 values
/// each value:   string key   u32 type   value; of an array: u32 type of items, u64 count, items
/// each tensor:  string name  u32 dimensions  u64 extents, innermost first  u32 type  u64 offset
/// padding to the alignment
/// data: offsets count from here; tensors in the order above, each padded to the alignment
/// ```
///
/// @param metadata values by key, in the order of the file
/// @param entries tensors in the order of the file, which is that of their data
/// @param alignment a power of two, `general.alignment` or 32
/// @param dataStart offset of the data in the file
public record GgufHeader(
    Map<String, GgufValue> metadata, List<Entry> entries, int alignment, long dataStart) {
  static final byte[] MAGIC = {'G', 'G', 'U', 'F'};
  static final int VERSION = 3;
  static final int DEFAULT_ALIGNMENT = 32;
  static final String ALIGNMENT = "general.alignment";

  /// A tensor and where its data stands.
  ///
  /// @param info name, type and shape
  /// @param begin first byte, counted from `dataStart`
  public record Entry(GgufTensorInfo info, long begin) {

    /// The byte behind the last one, without padding.
    public long end() {
      return Math.addExact(begin, info.byteCount());
    }
  }

  public GgufHeader {
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    entries = List.copyOf(entries);
  }

  /// Lays out tensors for writing, in the order given.
  ///
  /// @throws IllegalArgumentException for two tensors of one name, or one that is too long
  public static GgufHeader layOut(Map<String, GgufValue> metadata, List<GgufTensorInfo> tensors) {
    Set<String> names = new HashSet<>();
    List<Entry> entries = new ArrayList<>();
    long position = 0;
    for (GgufTensorInfo tensor : tensors) {
      Checks.require(names.add(tensor.name()), "two tensors of the name %s", tensor.name());
      Checks.require(
          bytes(tensor.name()).length <= GgufTensorInfo.LONGEST_NAME,
          "tensor %s: the name is longer than %d bytes",
          tensor.name(),
          GgufTensorInfo.LONGEST_NAME);
      Entry entry = new Entry(tensor, position);
      entries.add(entry);
      position = padded(entry.end(), DEFAULT_ALIGNMENT);
    }
    Map<String, GgufValue> values = new LinkedHashMap<>(metadata);
    values.remove(ALIGNMENT); // what is written here has the default
    int length = new GgufHeader(values, entries, DEFAULT_ALIGNMENT, 0).encode().length;
    return new GgufHeader(values, entries, DEFAULT_ALIGNMENT, length);
  }

  /// The smallest multiple of the alignment that is not below `position`.
  static long padded(long position, int alignment) {
    return Math.addExact(position, alignment - 1L) / alignment * alignment;
  }

  /// Bytes of the whole file, the padding behind the last tensor included.
  public long fileSize() {
    return Math.addExact(
        dataStart, entries.isEmpty() ? 0 : padded(entries.getLast().end(), alignment));
  }

  /// The bytes in front of the data, padding included.
  public byte[] encode() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(MAGIC);
    u32(out, VERSION);
    u64(out, entries.size());
    u64(out, metadata.size());
    metadata.forEach((key, value) -> {
      string(out, key);
      value(out, value);
    });
    entries.forEach(entry -> tensor(out, entry));
    while (out.size() % alignment != 0) {
      out.write(0);
    }
    return out.toByteArray();
  }

  private static void tensor(ByteArrayOutputStream out, Entry entry) {
    GgufTensorInfo info = entry.info();
    string(out, info.name());
    u32(out, info.shape().rank());
    info.shape().dimensions().reversed().forEach(extent -> u64(out, extent));
    u32(out, info.type().id());
    u64(out, entry.begin());
  }

  private static void value(ByteArrayOutputStream out, GgufValue value) {
    switch (value) {
      case GgufValue.One one -> {
        u32(out, one.kind().id());
        item(out, one.kind(), one.value());
      }
      case GgufValue.Many many -> {
        u32(out, GgufKind.ARRAY.id());
        u32(out, many.kind().id());
        u64(out, many.items().size());
        many.items().forEach(item -> item(out, many.kind(), item));
      }
    }
  }

  private static void item(ByteArrayOutputStream out, GgufKind kind, Object value) {
    switch (kind) {
      case U8, I8 -> out.write(((Long) value).intValue());
      case U16, I16 -> number(out, Short.BYTES, (Long) value);
      case U32, I32 -> number(out, Integer.BYTES, (Long) value);
      case U64, I64 -> u64(out, (Long) value);
      case F32 -> u32(out, Float.floatToRawIntBits(((Double) value).floatValue()));
      case F64 -> u64(out, Double.doubleToRawLongBits((Double) value));
      case BOOL -> out.write((Boolean) value ? 1 : 0);
      case STRING -> string(out, (String) value);
      case ARRAY -> throw new IllegalArgumentException("an array in an array");
    }
  }

  private static void string(ByteArrayOutputStream out, String text) {
    byte[] bytes = bytes(text);
    u64(out, bytes.length);
    out.writeBytes(bytes);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void u32(ByteArrayOutputStream out, int value) {
    number(out, Integer.BYTES, value);
  }

  private static void u64(ByteArrayOutputStream out, long value) {
    number(out, Long.BYTES, value);
  }

  private static void number(ByteArrayOutputStream out, int width, long value) {
    byte[] bytes =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    out.write(bytes, 0, width);
  }
}
