package io.moepress.formats.integer;

import io.moepress.formats.Checks;

/// Puts codes of `b` bits into words of 32, one behind the other from the lowest bits on.
///
/// Eight codes are taken together: of their eight bytes the lower `b` bits each are pushed
/// together. A code has its sign and is stored plus `2^(b-1)`, which turns its highest bit over.
final class WordWriter {
  private final int[] words;
  private final int bits;
  private final int used;
  private final long mask;
  private final long signs;
  private final long beyond;

  private int word;
  private int filled;

  /// Codes, or their upper bits, that no word has yet.
  private long pending;

  /// Bits that are set where a code has more than `b` bits.
  private long excess;

  /// @param words gets the codes
  /// @param first index of the first word
  /// @param bits of a code, 1 to 8
  /// @param used bits of a word that codes fill; where these are not all of it, codes are put one
  ///   by one
  WordWriter(int[] words, int first, int bits, int used) {
    this.words = words;
    this.word = first;
    this.bits = bits;
    this.used = used;
    this.mask = Lanes.of((1 << bits) - 1);
    this.signs = Lanes.of(1 << (bits - 1));
    this.beyond = ~mask;
  }

  /// Whether codes fill all bits of a word.
  boolean fillsWords() {
    return used == Integer.SIZE;
  }

  /// Puts eight codes.
  void putEight(long codes) {
    note(codes);
    long together = Long.compress(codes ^ signs, mask);
    int half = Lanes.COUNT / 2 * bits;
    put(together & (1L << half) - 1, half);
    put(together >>> half, half);
  }

  /// Puts one code.
  void put(byte code) {
    note(code);
    put((code ^ signs) & (1 << bits) - 1, bits);
  }

  /// Neighbouring bits of a code differ nowhere above its sign.
  private void note(long codes) {
    excess |= (codes ^ codes << 1) & beyond;
  }

  private void put(long stored, int count) {
    pending |= stored << filled;
    filled += count;
    if (filled >= used) {
      words[word++] = (int) pending;
      pending >>>= Integer.SIZE;
      filled -= used;
    }
  }

  /// Writes the last word, if codes do not fill it, and begins with the next.
  ///
  /// @throws IllegalArgumentException when a code had more bits
  void finish() {
    if (filled > 0) {
      words[word++] = (int) pending;
      pending = 0;
      filled = 0;
    }
    if (excess != 0) {
      throw new IllegalArgumentException(Checks.text("a code of more than %d bits", bits));
    }
  }
}
