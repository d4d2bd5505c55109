package io.moepress.formats.integer;

import io.moepress.formats.FormatException;

/// How codes of a few bits are packed into words of 32.
///
/// The two are the same where the number of bits divides 32: 1, 2, 4 and 8. For 3, 5, 6 and 7 they
/// are not compatible, and nothing in a checkpoint says which one it has, other than the number of
/// words.
public enum BitPacking {
  /// One stream: element `i` occupies the bits `i · b` to `i · b + b - 1`; bit `n` is bit `n mod
  /// 32` of word `n / 32`. compressed-tensors from 0.17.0 on, and GPTQ.
  STREAM {
    @Override
    public int words(int count, int bits) {
      return Math.toIntExact(((long) count * bits + Integer.SIZE - 1) / Integer.SIZE);
    }

    @Override
    int codesAtOnce(int bits) {
      return Integer.SIZE;
    }

    @Override
    int used(int bits) {
      return Integer.SIZE;
    }
  },

  /// As many elements in a word as are whole: element `j` of a word occupies the bits `j · b` to `j
  /// · b + b - 1`, and what is left is 0. compressed-tensors before 0.17.0, and most runtimes.
  WHOLE {
    @Override
    public int words(int count, int bits) {
      int each = Integer.SIZE / bits;
      return (count + each - 1) / each;
    }

    @Override
    int codesAtOnce(int bits) {
      return Integer.SIZE / bits;
    }

    @Override
    int used(int bits) {
      return Integer.SIZE / bits * bits;
    }
  };

  /// Number of words that `count` codes need.
  public abstract int words(int count, int bits);

  /// How many codes fill whole words: behind a multiple of them the next word begins.
  abstract int codesAtOnce(int bits);

  /// Bits of a word that codes fill.
  abstract int used(int bits);

  /// Packs codes.
  ///
  /// @param codes each of `bits` bits with its sign; they are stored plus `2^(bits-1)`
  /// @throws IllegalArgumentException when a code has more bits
  public int[] pack(byte[] codes, int bits) {
    int[] words = new int[words(codes.length, bits)];
    pack(codes, 0, codes.length, new WordWriter(words, 0, bits, used(bits)));
    return words;
  }

  /// Packs some of a list of codes.
  ///
  /// @param first index of the first of them
  /// @param count how many
  /// @param writer gets them
  void pack(byte[] codes, int first, int count, WordWriter writer) {
    int end = first + count;
    int next = first;
    if (writer.fillsWords()) {
      for (; next + Lanes.COUNT <= end; next += Lanes.COUNT) {
        writer.putEight(Lanes.get(codes, next));
      }
    }
    for (; next < end; next++) {
      writer.put(codes[next]);
    }
    writer.finish();
  }

  /// The codes in some words.
  ///
  /// @param count how many they are
  /// @return each of `bits` bits with its sign, as [#pack] took it
  /// @throws FormatException when there are more or fewer words than that
  public byte[] unpack(int[] words, int count, int bits) {
    if (words.length != words(count, bits)) {
      throw FormatException.of(
          "%d words for %d codes of %d bits (expected %d)",
          words.length, count, bits, words(count, bits));
    }
    byte[] codes = new byte[count];
    unpack(new WordReader(words, 0, bits, used(bits)), codes, 0, count);
    return codes;
  }

  /// Unpacks some codes.
  ///
  /// @param reader gives them
  /// @param codes gets them
  /// @param first index of the first
  /// @param count how many
  void unpack(WordReader reader, byte[] codes, int first, int count) {
    int end = first + count;
    int next = first;
    if (reader.fillsWords()) {
      for (; next + Lanes.COUNT <= end; next += Lanes.COUNT) {
        Lanes.set(codes, next, reader.takeEight());
      }
    }
    for (; next < end; next++) {
      codes[next] = reader.take();
    }
  }
}
