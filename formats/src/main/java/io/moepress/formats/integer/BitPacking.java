package io.moepress.formats.integer;

import io.moepress.formats.Checks;
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
    int used(int bits) {
      return Integer.SIZE;
    }

    @Override
    long position(int index, int bits) {
      return (long) index * bits;
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
    int used(int bits) {
      return Integer.SIZE / bits * bits;
    }

    @Override
    long position(int index, int bits) {
      int each = Integer.SIZE / bits;
      return (long) index / each * Integer.SIZE + (long) index % each * bits;
    }
  };

  /// Number of words that `count` codes need.
  public abstract int words(int count, int bits);

  /// The first bit of an element.
  abstract long position(int index, int bits);

  /// Bits of a word that codes fill.
  abstract int used(int bits);

  /// Packs codes without sign.
  ///
  /// @param codes each in `[0, 2^bits)`
  public int[] pack(int[] codes, int bits) {
    int[] words = new int[words(codes.length, bits)];
    pack(codes, 0, codes.length, bits, words, 0);
    return words;
  }

  /// Packs some of a list of codes.
  ///
  /// @param first index of the first of them
  /// @param count how many
  /// @param words gets them
  /// @param at index of the first word
  void pack(int[] codes, int first, int count, int bits, int[] words, int at) {
    int used = used(bits);
    int word = at;
    long pending = 0; // codes, or their upper bits, that no word has yet
    int filled = 0;
    int seen = 0;
    for (int i = first; i < first + count; i++) {
      int code = codes[i];
      seen |= code;
      pending |= (long) code << filled;
      filled += bits;
      if (filled >= used) {
        words[word++] = (int) pending;
        pending >>>= Integer.SIZE;
        filled -= used;
      }
    }
    if (filled > 0) {
      words[word] = (int) pending;
    }
    if (seen >>> bits != 0) {
      throw new IllegalArgumentException(
          Checks.text("codes of more than %d bits among %d", bits, count));
    }
  }

  /// The codes in some words.
  ///
  /// @param count how many they are
  /// @throws FormatException when there are more or fewer words than that
  public int[] unpack(int[] words, int count, int bits) {
    if (words.length != words(count, bits)) {
      throw FormatException.of(
          "%d words for %d codes of %d bits (expected %d)",
          words.length, count, bits, words(count, bits));
    }
    int[] codes = new int[count];
    int mask = (1 << bits) - 1;
    for (int i = 0; i < count; i++) {
      long position = position(i, bits);
      int word = Math.toIntExact(position / Integer.SIZE);
      int shift = (int) (position % Integer.SIZE);
      int code = words[word] >>> shift;
      if (shift + bits > Integer.SIZE) {
        code |= words[word + 1] << (Integer.SIZE - shift);
      }
      codes[i] = code & mask;
    }
    return codes;
  }
}
