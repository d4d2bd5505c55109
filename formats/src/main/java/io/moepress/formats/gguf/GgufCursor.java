package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Reads the head of a file from front to back. Whatever the file claims about lengths is held
/// against what is left of it before anything is allocated.
final class GgufCursor {
  private static final int WINDOW = 1 << 16;

  private final String where;
  private final FileChannel channel;
  private final long end;
  private final ByteBuffer window =
      ByteBuffer.allocate(WINDOW).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private long position;

  /// @param end where the head has to end at the latest
  GgufCursor(String where, FileChannel channel, long end) {
    this.where = where;
    this.channel = channel;
    this.end = end;
  }

  /// Bytes read so far.
  long position() {
    return position;
  }

  /// Bytes that are left.
  long left() {
    return end - position;
  }

  byte[] bytes(int count, String what) throws IOException {
    require(count, what);
    byte[] bytes = new byte[count];
    int done = 0;
    while (done < count) {
      fill(Math.min(WINDOW, count - done));
      int part = Math.min(window.remaining(), count - done);
      window.get(bytes, done, part);
      done += part;
      position += part;
    }
    return bytes;
  }

  int u8(String what) throws IOException {
    return Byte.toUnsignedInt(number(Byte.BYTES, what).get());
  }

  short u16(String what) throws IOException {
    return number(Short.BYTES, what).getShort();
  }

  int u32(String what) throws IOException {
    return number(Integer.BYTES, what).getInt();
  }

  long u64(String what) throws IOException {
    return number(Long.BYTES, what).getLong();
  }

  /// A string of at most `longest` bytes.
  String text(int longest, String what) throws IOException {
    long length = u64(what);
    Checks.requireFormat(
        length >= 0 && length <= longest,
        "%s: %s: a text of %s bytes (expected at most %d)",
        where,
        what,
        Long.toUnsignedString(length),
        longest);
    return length == 0 ? "" : decode(bytes((int) length, what), what);
  }

  private String decode(byte[] bytes, String what) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes))
          .toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(where + ": " + what + ": not valid UTF-8", e);
    }
  }

  private ByteBuffer number(int width, String what) throws IOException {
    require(width, what);
    fill(width);
    position += width;
    return window;
  }

  private void require(long count, String what) {
    Checks.requireFormat(
        count <= left(),
        "%s: %s: the file ends too early (expected %d more bytes at %d; truncated? Copy or download"
            + " it again)",
        where,
        what,
        count,
        position);
  }

  /// Makes sure that the window holds so many bytes.
  private void fill(int count) throws IOException {
    if (window.remaining() >= count) {
      return;
    }
    window.compact();
    while (window.position() < count) {
      if (channel.read(window, position + window.position()) < 0) {
        throw new FormatException(where + ": the file became shorter while its head was read");
      }
    }
    window.flip();
  }
}
