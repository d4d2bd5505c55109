package io.moepress.cli;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Breaks files: a few random edits of one file of a corpus, the same for the same seed.
final class Mutation {
  private static final int MOST_EDITS = 6;
  private static final int MOST_BYTES = 1 << 16;
  private static final long[] NUMBERS = {
    0,
    1,
    -1,
    2,
    7,
    8,
    31,
    32,
    63,
    64,
    127,
    128,
    255,
    256,
    65535,
    65536,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    1L << 32,
    1L << 48,
    Long.MAX_VALUE,
    Long.MAX_VALUE / 2,
    Long.MIN_VALUE
  };
  private static final List<String> WORDS =
      List.of(
          "null",
          "true",
          "[]",
          "{}",
          "\"\"",
          "-1",
          "0",
          "1e999",
          "NaN",
          "0.5",
          "2147483648",
          "9223372036854775807",
          "99999999999999999999999",
          "-0",
          "\\u0000",
          "\\ud800",
          "../",
          "%s",
          "&a",
          "*a",
          "!!java",
          "<<",
          ": ",
          "- ",
          "\t",
          "\r\n",
          "\u0000",
          "é",
          "\uD83D\uDE00");

  private final List<byte[]> corpus;
  private final List<byte[]> words = new ArrayList<>();
  private final SplittableRandom random;

  /// Prepares.
  Mutation(List<byte[]> corpus, long seed) {
    this.corpus = corpus;
    this.random = new SplittableRandom(seed);
    WORDS.forEach(word -> words.add(word.getBytes(StandardCharsets.UTF_8)));
    for (byte[] file : corpus) {
      String text = new String(file, StandardCharsets.ISO_8859_1);
      for (String word : text.split("[^A-Za-z0-9_.-]+", -1)) {
        if (!word.isEmpty() && word.length() < 64 && words.size() < 2000) {
          words.add(word.getBytes(StandardCharsets.ISO_8859_1));
        }
      }
    }
  }

  /// The next file.
  byte[] next() {
    byte[] bytes = corpus.get(random.nextInt(corpus.size())).clone();
    int edits = 1 + random.nextInt(1 + random.nextInt(MOST_EDITS));
    for (int edit = 0; edit < edits; edit++) {
      bytes = edited(bytes);
    }
    return bytes.length > MOST_BYTES ? Arrays.copyOf(bytes, MOST_BYTES) : bytes;
  }

  private byte[] edited(byte[] bytes) {
    int from = bytes.length == 0 ? 0 : random.nextInt(bytes.length);
    int to = Math.min(bytes.length, from + 1 + random.nextInt(16));
    return switch (random.nextInt(10)) {
      case 0 -> flipped(bytes, from);
      case 1 -> joined(bytes, from, new byte[0], to);
      case 2 -> Arrays.copyOf(bytes, from);
      case 3 -> joined(bytes, from, bytes, from); // all of it within itself
      case 4 -> joined(bytes, from, words.get(random.nextInt(words.size())), to);
      case 5 -> joined(bytes, from, words.get(random.nextInt(words.size())), from);
      case 6 -> number(bytes, from);
      case 7 -> otherNumber(bytes, from);
      case 8 -> joined(bytes, from, piece(), to);
      default -> repeated(bytes, from, to);
    };
  }

  private byte[] flipped(byte[] bytes, int at) {
    if (at < bytes.length) {
      bytes[at] ^= (byte) (1 << random.nextInt(8));
    }
    return bytes;
  }

  /// A little-endian number of 1, 2, 4 or 8 bytes, as lengths and counts are.
  private byte[] number(byte[] bytes, int at) {
    long value = NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(3) - 1;
    byte[] encoded = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    int width = 1 << random.nextInt(4);
    int start = random.nextBoolean() ? at : at / 8 * 8;
    for (int i = 0; i < width && start + i < bytes.length; i++) {
      bytes[start + i] = encoded[i];
    }
    return bytes;
  }

  /// Puts another number in the place of the first in digits behind a place.
  private byte[] otherNumber(byte[] bytes, int at) {
    int from = at;
    while (from < bytes.length && !isDigit(bytes[from])) {
      from++;
    }
    int to = from;
    while (to < bytes.length && isDigit(bytes[to])) {
      to++;
    }
    String number = Long.toString(NUMBERS[random.nextInt(NUMBERS.length)]);
    return from == to ? bytes : joined(bytes, from, number.getBytes(StandardCharsets.US_ASCII), to);
  }

  private static boolean isDigit(byte value) {
    return value >= '0' && value <= '9';
  }

  private byte[] piece() {
    byte[] other = corpus.get(random.nextInt(corpus.size()));
    int from = other.length == 0 ? 0 : random.nextInt(other.length);
    return Arrays.copyOfRange(other, from, Math.min(other.length, from + random.nextInt(200)));
  }

  private byte[] repeated(byte[] bytes, int from, int to) {
    ByteArrayOutputStream repeated = new ByteArrayOutputStream();
    repeated.write(bytes, 0, from);
    int times = 1 << random.nextInt(11);
    for (int i = 0; i < times && repeated.size() < MOST_BYTES; i++) {
      repeated.write(bytes, from, to - from);
    }
    repeated.write(bytes, to, bytes.length - to);
    return repeated.toByteArray();
  }

  private static byte[] joined(byte[] bytes, int from, byte[] middle, int to) {
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    joined.write(bytes, 0, from);
    joined.writeBytes(middle);
    joined.write(bytes, to, bytes.length - to);
    return joined.toByteArray();
  }
}
