package io.moepress.formats.encoding;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Little-endian numbers in a byte array, and groups of small codes.
final class Bytes {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  static short getShort(byte[] bytes, int at) {
    return (short) SHORT.get(bytes, at);
  }

  static void putShort(byte[] bytes, int at, short value) {
    SHORT.set(bytes, at, value);
  }

  static int getInt(byte[] bytes, int at) {
    return (int) INT.get(bytes, at);
  }

  static void putInt(byte[] bytes, int at, int value) {
    INT.set(bytes, at, value);
  }

  /// A half-precision number.
  static float getHalf(byte[] bytes, int at) {
    return Float.float16ToFloat(getShort(bytes, at));
  }

  /// 32 codes of four bits in 16 bytes: code `i` low, code `i + 16` high.
  static void putNibbles(int[] codes, int first, byte[] target, int at) {
    for (int i = 0; i < 16; i++) {
      target[at + i] = (byte) ((codes[first + i] & 15) | (codes[first + i + 16] & 15) << 4);
    }
  }

  static void getNibbles(byte[] source, int at, int[] codes, int first) {
    for (int i = 0; i < 16; i++) {
      codes[first + i] = source[at + i] & 15;
      codes[first + i + 16] = source[at + i] >> 4 & 15;
    }
  }

  /// 256 codes of four bits in 128 bytes; of 64 codes the first 32 are low, the others high.
  static void putHalves(int[] codes, byte[] target, int at) {
    for (int i = 0; i < 128; i++) {
      int code = i / 32 * 64 + i % 32;
      target[at + i] = (byte) ((codes[code] & 15) | (codes[code + 32] & 15) << 4);
    }
  }

  static void getHalves(byte[] source, int at, int[] codes) {
    for (int i = 0; i < 128; i++) {
      int code = i / 32 * 64 + i % 32;
      codes[code] = source[at + i] & 15;
      codes[code + 32] = source[at + i] >> 4 & 15;
    }
  }

  /// The two bits above `shift` of 256 codes in 64 bytes; codes 32 apart share a byte.
  static void putQuarters(int[] codes, int shift, byte[] target, int at) {
    for (int i = 0; i < 64; i++) {
      int code = i / 32 * 128 + i % 32;
      int low = (codes[code] >> shift & 3) | (codes[code + 32] >> shift & 3) << 2;
      int high = (codes[code + 64] >> shift & 3) | (codes[code + 96] >> shift & 3) << 2;
      target[at + i] = (byte) (low | high << 4);
    }
  }

  /// Adds two bits to each of 256 codes, above the `shift` it has.
  static void addQuarters(byte[] source, int at, int[] codes, int shift) {
    for (int i = 0; i < 256; i++) {
      int bits = source[at + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
      codes[i] |= bits << shift;
    }
  }

  /// Bit `shift` of 256 codes in 32 bytes; codes 32 apart share a byte.
  static void putEighths(int[] codes, int shift, byte[] target, int at) {
    for (int i = 0; i < 32; i++) {
      int bits = 0;
      for (int part = 0; part < 8; part++) {
        bits |= (codes[i + 32 * part] >> shift & 1) << part;
      }
      target[at + i] = (byte) bits;
    }
  }

  /// Adds a bit to each of 256 codes, above the `shift` it has.
  static void addEighths(byte[] source, int at, int[] codes, int shift) {
    for (int i = 0; i < 256; i++) {
      codes[i] |= (source[at + i % 32] >> (i / 32) & 1) << shift;
    }
  }

  /// 32 codes of 4 bits, two in a byte, or of 5: then their highest bits stand in front, as an int.
  static void putCodes(int[] codes, int bits, byte[] target, int at) {
    if (bits == 4) {
      putNibbles(codes, 0, target, at);
      return;
    }
    int fifths = 0;
    for (int i = 0; i < 32; i++) {
      fifths |= (codes[i] >> 4 & 1) << i;
    }
    putInt(target, at, fifths);
    putNibbles(codes, 0, target, at + Integer.BYTES);
  }

  /// See [#putCodes].
  static void getCodes(byte[] source, int at, int bits, int[] codes) {
    if (bits == 4) {
      getNibbles(source, at, codes, 0);
      return;
    }
    int fifths = getInt(source, at);
    getNibbles(source, at + Integer.BYTES, codes, 0);
    for (int i = 0; i < 32; i++) {
      codes[i] |= (fifths >> i & 1) << 4;
    }
  }
}
