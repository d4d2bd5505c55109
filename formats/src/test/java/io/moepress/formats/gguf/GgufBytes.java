package io.moepress.formats.gguf;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// A GGUF file as a stranger writes it, number by number.
final class GgufBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /// A head of version 3 that claims so many tensors and values.
  static GgufBytes head(long tensors, long values) {
    return new GgufBytes()
        .raw("GGUF".getBytes(StandardCharsets.US_ASCII))
        .u32(3)
        .u64(tensors)
        .u64(values);
  }

  @CanIgnoreReturnValue
  GgufBytes raw(byte... bytes) {
    out.writeBytes(bytes);
    return this;
  }

  @CanIgnoreReturnValue
  GgufBytes u32(long value) {
    return number(4, value);
  }

  @CanIgnoreReturnValue
  GgufBytes u64(long value) {
    return number(8, value);
  }

  private GgufBytes number(int width, long value) {
    byte[] bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    out.write(bytes, 0, width);
    return this;
  }

  @CanIgnoreReturnValue
  GgufBytes text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return u64(bytes.length).raw(bytes);
  }

  /// A value of type U32.
  @CanIgnoreReturnValue
  GgufBytes count(String key, long value) {
    return text(key).u32(4).u32(value);
  }

  /// A value of type STRING.
  @CanIgnoreReturnValue
  GgufBytes string(String key, String value) {
    return text(key).u32(8).text(value);
  }

  /// A tensor; extents innermost first.
  @CanIgnoreReturnValue
  GgufBytes tensor(String name, int type, long offset, long... extents) {
    text(name).u32(extents.length);
    for (long extent : extents) {
      u64(extent);
    }
    return u32(type).u64(offset);
  }

  /// Zeros up to the alignment, then so many bytes of data.
  @CanIgnoreReturnValue
  GgufBytes data(int bytes) {
    while (out.size() % 32 != 0) {
      out.write(0);
    }
    return raw(new byte[bytes]);
  }

  byte[] bytes() {
    return out.toByteArray();
  }
}
