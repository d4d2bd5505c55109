package io.moepress.testdata;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// A second, independent writer of safetensors: small, in memory, and without a single check, so
/// that it writes wrong files as gladly as right ones.
///
/// ```
/// 0      N, length of the header, u64 little-endian
/// 8      N bytes of JSON: {"__metadata__":{…},"name":{"dtype":…,"shape":[…],"data_offsets":[…]},…}
/// 8 + N  the tensors' bytes, in the order in which they were added, without padding
/// ```
///
/// Trailing spaces make 8 + N a multiple of 8. A name that is added twice is written twice.
public final class SafetensorsBytes {

  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final List<String> entries = new ArrayList<>();
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();

  /// Adds a pair to `__metadata__`, which is left out as long as it is empty.
  @CanIgnoreReturnValue
  public SafetensorsBytes metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /// Adds a tensor; nothing checks that dtype, shape and data agree.
  @CanIgnoreReturnValue
  public SafetensorsBytes tensor(String name, String dtype, long[] shape, byte[] data) {
    int begin = body.size();
    body.writeBytes(data);
    entries.add(json(name) + ":" + entry(dtype, shape, begin, body.size()));
    return this;
  }

  /// The file.
  public byte[] toBytes() {
    List<String> members = new ArrayList<>();
    if (!metadata.isEmpty()) {
      members.add("\"__metadata__\":" + json(metadata));
    }
    members.addAll(entries);
    byte[] header = ("{" + String.join(",", members) + "}").getBytes(UTF_8);
    int padded = (header.length + 7) / 8 * 8;
    byte[] spaces = new byte[padded - header.length];
    Arrays.fill(spaces, (byte) ' ');
    return file(padded, concat(header, spaces), body.toByteArray());
  }

  /// Writes the file.
  public void write(Path file) throws IOException {
    Files.write(file, toBytes());
  }

  /// Any three parts glued together: the declared length need not be that of the header.
  public static byte[] file(long headerLength, byte[] header, byte[] data) {
    return concat(i64(headerLength), header, data);
  }

  /// As [#file(long, byte[], byte[])], with the header in UTF-8.
  public static byte[] file(long headerLength, String headerJson, byte[] data) {
    return file(headerLength, headerJson.getBytes(UTF_8), data);
  }

  /// Any header, with its true length, and any data.
  public static byte[] file(String headerJson, byte[] data) {
    byte[] header = headerJson.getBytes(UTF_8);
    return file(header.length, header, data);
  }

  /// Values as `F32`.
  public static byte[] f32(float... values) {
    byte[] bytes = new byte[4 * values.length];
    ByteBuffer buffer = littleEndian(bytes);
    for (float value : values) {
      buffer.putFloat(value);
    }
    return bytes;
  }

  /// Values as `BF16`, rounded to nearest, ties to even; a NaN stays one.
  public static byte[] bf16(float... values) {
    byte[] bytes = new byte[2 * values.length];
    ByteBuffer buffer = littleEndian(bytes);
    for (float value : values) {
      int bits = Float.floatToRawIntBits(value);
      int rounded = Float.isNaN(value) ? bits | 0x40_0000 : bits + 0x7FFF + ((bits >>> 16) & 1);
      buffer.putShort((short) (rounded >>> 16));
    }
    return bytes;
  }

  /// Values as `F16`, rounded to nearest, ties to even.
  public static byte[] f16(float... values) {
    byte[] bytes = new byte[2 * values.length];
    ByteBuffer buffer = littleEndian(bytes);
    for (float value : values) {
      buffer.putShort(Float.floatToFloat16(value));
    }
    return bytes;
  }

  /// Values as `I64`.
  public static byte[] i64(long... values) {
    byte[] bytes = new byte[8 * values.length];
    ByteBuffer buffer = littleEndian(bytes);
    for (long value : values) {
      buffer.putLong(value);
    }
    return bytes;
  }

  /// Text as a JSON string, quotes included.
  static String json(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < 0x20 || Character.isSurrogate(c)) {
        quoted.append("\\u").append(hexadecimal(c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  /// Strings as a JSON object on one line.
  private static String json(Map<String, String> members) {
    return members.entrySet().stream()
        .map(member -> json(member.getKey()) + ":" + json(member.getValue()))
        .collect(Collectors.joining(",", "{", "}"));
  }

  /// What the header says about one tensor.
  static String entry(String dtype, long[] shape, long begin, long end) {
    String sizes = Arrays.toString(shape).replace(" ", "");
    String offsets = "[" + begin + "," + end + "]";
    return "{\"dtype\":"
        + json(dtype)
        + ",\"shape\":"
        + sizes
        + ",\"data_offsets\":"
        + offsets
        + "}";
  }

  private static String hexadecimal(char c) {
    String digits = Integer.toHexString(c);
    return "0".repeat(4 - digits.length()) + digits;
  }

  private static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
