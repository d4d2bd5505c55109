package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import io.moepress.formats.gguf.GgufHeader.Entry;
import io.moepress.formats.tensor.Shape;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Reads and validates the head of a file that a stranger made. It is at least as strict as ggml's
/// own loader: offsets are the running padded sum, keys and names are unique, widths divide into
/// blocks.
final class GgufHeaderReader {
  /// Longest head; that of a model with a vocabulary of 250 000 has some 15 MB.
  private static final long LONGEST_HEAD = 128L << 20;

  private static final int MOST_TENSORS = 100_000;
  private static final int MOST_VALUES = 100_000;
  private static final int MOST_ITEMS = 8_000_000;
  private static final int LONGEST_KEY = 65_535;
  private static final int LONGEST_TEXT = 16 << 20;
  private static final int LARGEST_ALIGNMENT = 1 << 20;

  private final String where;
  private final long fileSize;
  private final GgufCursor cursor;
  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
  private final List<Entry> entries = new ArrayList<>();

  GgufHeaderReader(String where, FileChannel channel, long fileSize) {
    this.where = where;
    this.fileSize = fileSize;
    this.cursor = new GgufCursor(where, channel, Math.min(fileSize, LONGEST_HEAD));
  }

  GgufHeader read() throws IOException {
    requireMagic();
    int tensors = count("number of tensors", MOST_TENSORS);
    int values = count("number of values", MOST_VALUES);
    for (int i = 0; i < values; i++) {
      readValue(i);
    }
    Set<String> names = new HashSet<>();
    for (int i = 0; i < tensors; i++) {
      Entry entry = readTensor(i);
      require(
          names.add(entry.info().name()), "tensor " + entry.info().name(), "stands there twice");
      entries.add(entry);
    }
    int alignment = alignment();
    long dataStart =
        entries.isEmpty() ? cursor.position() : GgufHeader.padded(cursor.position(), alignment);
    requireData(alignment, fileSize - dataStart);
    return new GgufHeader(metadata, entries, alignment, dataStart);
  }

  private void requireMagic() throws IOException {
    byte[] magic = cursor.bytes(GgufHeader.MAGIC.length, "magic");
    require(
        Arrays.equals(magic, GgufHeader.MAGIC),
        "magic",
        "not a GGUF file (expected the letters GGUF at its beginning)");
    int version = cursor.u32("version");
    int swapped = Integer.reverseBytes(version);
    require(
        swapped < 1 || swapped > GgufHeader.VERSION,
        "version",
        "big-endian (expected little-endian). Convert it with gguf-py's gguf_convert_endian.py.");
    require(
        version == 2 || version == GgufHeader.VERSION,
        "version",
        Integer.toUnsignedString(version)
            + " (expected 2 or 3). Convert the model anew with a current tool.");
  }

  private int count(String what, int most) throws IOException {
    long count = cursor.u64(what);
    require(
        count >= 0 && count <= most,
        what,
        Long.toUnsignedString(count) + " (expected at most " + most + ")");
    return (int) count;
  }

  private void readValue(int index) throws IOException {
    String key = cursor.text(LONGEST_KEY, "key of value " + index);
    require(!key.isEmpty(), "value " + index, "an empty key");
    requirePrintable(key, "a key");
    String what = "value " + Words.shown(key);
    GgufKind kind = kind(what);
    GgufValue value =
        kind == GgufKind.ARRAY ? array(what) : new GgufValue.One(kind, item(kind, what));
    require(metadata.put(key, value) == null, what, "stands there twice");
  }

  private GgufKind kind(String what) throws IOException {
    int id = cursor.u32(what);
    Optional<GgufKind> kind = GgufKind.numbered(id);
    require(
        kind.isPresent(),
        what,
        "type " + Integer.toUnsignedString(id) + " (expected 0 to " + GgufKind.F64.id() + ")");
    return kind.orElseThrow();
  }

  private GgufValue array(String what) throws IOException {
    GgufKind kind = kind(what);
    require(kind != GgufKind.ARRAY, what, "an array of arrays (expected an array of values)");
    long count = cursor.u64(what);
    require(
        count >= 0
            && count <= MOST_ITEMS
            && count <= cursor.left() / kind.leastBytes(), // so that no claim fills memory
        what,
        "an array of " + Long.toUnsignedString(count) + " items (more than the file holds)");
    List<Object> items = new ArrayList<>((int) count);
    for (int i = 0; i < count; i++) {
      items.add(item(kind, what));
    }
    return new GgufValue.Many(kind, items);
  }

  private Object item(GgufKind kind, String what) throws IOException {
    return switch (kind) {
      case U8 -> (long) cursor.u8(what);
      case I8 -> (long) (byte) cursor.u8(what);
      case U16 -> Short.toUnsignedLong(cursor.u16(what));
      case I16 -> (long) cursor.u16(what);
      case U32 -> Integer.toUnsignedLong(cursor.u32(what));
      case I32 -> (long) cursor.u32(what);
      case U64, I64 -> cursor.u64(what);
      case F32 -> (double) Float.intBitsToFloat(cursor.u32(what));
      case F64 -> Double.longBitsToDouble(cursor.u64(what));
      case BOOL -> flag(what);
      case STRING -> cursor.text(LONGEST_TEXT, what);
      case ARRAY -> throw new IllegalArgumentException(what);
    };
  }

  private Object flag(String what) throws IOException {
    int flag = cursor.u8(what);
    require(flag <= 1, what, "a flag of " + flag + " (expected 0 or 1)");
    return flag == 1;
  }

  private Entry readTensor(int index) throws IOException {
    String name = cursor.text(GgufTensorInfo.LONGEST_NAME, "name of tensor " + index);
    require(!name.isEmpty(), "tensor " + index, "an empty name");
    requirePrintable(name, "a tensor");
    String what = "tensor " + name;
    Shape shape = shape(what);
    GgufType type = type(what);
    long width = shape.dimension(shape.rank() - 1);
    require(
        width % type.blockElements() == 0,
        what,
        "rows of "
            + width
            + " elements of "
            + type
            + " (expected a multiple of "
            + type.blockElements()
            + ")");
    Entry entry = new Entry(new GgufTensorInfo(name, type, shape), cursor.u64(what));
    require(fits(entry.info()), what, "its " + shape + " elements are more than the file holds");
    return entry;
  }

  private Shape shape(String what) throws IOException {
    int rank = cursor.u32(what);
    require(
        rank >= 1 && rank <= GgufTensorInfo.MOST_DIMENSIONS,
        what,
        Integer.toUnsignedString(rank)
            + " dimensions (expected 1 to "
            + GgufTensorInfo.MOST_DIMENSIONS
            + ")");
    List<Long> extents = new ArrayList<>();
    for (int axis = 0; axis < rank; axis++) {
      long extent = cursor.u64(what);
      require(
          extent >= 1,
          what,
          "an extent of " + Long.toUnsignedString(extent) + " (expected at least 1)");
      extents.add(extent);
    }
    return new Shape(extents.reversed());
  }

  private GgufType type(String what) throws IOException {
    int id = cursor.u32(what);
    Optional<GgufType> type = GgufType.numbered(id);
    require(
        type.isPresent(),
        what,
        "unknown type "
            + Integer.toUnsignedString(id)
            + " (expected one of "
            + Arrays.toString(GgufType.values())
            + ")");
    return type.orElseThrow();
  }

  private boolean fits(GgufTensorInfo info) {
    try {
      return info.byteCount() <= fileSize;
    } catch (ArithmeticException e) {
      return false; // more than a long can count
    }
  }

  private int alignment() {
    GgufValue value = metadata.get(GgufHeader.ALIGNMENT);
    if (value == null) {
      return GgufHeader.DEFAULT_ALIGNMENT;
    }
    boolean sound =
        value instanceof GgufValue.One one
            && one.kind() == GgufKind.U32
            && Long.bitCount((Long) one.value()) == 1
            && (Long) one.value() <= LARGEST_ALIGNMENT;
    require(
        sound,
        "value " + GgufHeader.ALIGNMENT,
        Words.shown(value.shown())
            + " (expected a power of two up to "
            + LARGEST_ALIGNMENT
            + ", of type U32)");
    return ((Long) ((GgufValue.One) value).value()).intValue();
  }

  /// Tensors stand one behind the other, and nothing behind the last.
  private void requireData(int alignment, long dataSize) {
    long position = 0;
    long end = 0;
    for (Entry entry : entries) {
      require(
          entry.begin() == position,
          "tensor " + entry.info().name(),
          "begins at "
              + Long.toUnsignedString(entry.begin())
              + " (expected "
              + position
              + ", behind the tensor before it)");
      end = entry.end();
      require(
          end <= dataSize,
          "tensor " + entry.info().name(),
          "ends at byte "
              + end
              + " of the data, but the file holds "
              + Math.max(0, dataSize)
              + " (truncated; copy or download it again)");
      position = GgufHeader.padded(end, alignment);
    }
    require(
        dataSize <= position,
        "data",
        (dataSize - position) + " bytes behind the last tensor (expected none)");
  }

  private void requirePrintable(String text, String what) {
    if (!Words.printable(text).equals(text)) {
      throw FormatException.of(
          "%s: %s with control characters: %s", where, what, Words.quoted(text));
    }
  }

  private void require(boolean expected, String what, String problem) {
    Checks.requireFormat(expected, "%s: %s: %s", where, what, problem);
  }
}
