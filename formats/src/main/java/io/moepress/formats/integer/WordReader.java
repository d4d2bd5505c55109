package io.moepress.formats.integer;

/// Takes codes of `b` bits from words of 32: the reverse of [WordWriter].
final class WordReader {
  private final int[] words;
  private final int bits;
  private final int used;
  private final long mask;
  private final long signs;
  private final long above;

  private int word;
  private int available;

  /// Bits of words that no code has yet.
  private long pending;

  /// @param words have the codes
  /// @param first index of the first word
  /// @param bits of a code, 1 to 8
  /// @param used bits of a word that codes fill; where these are not all of it, codes are taken one
  ///   by one
  WordReader(int[] words, int first, int bits, int used) {
    this.words = words;
    this.word = first;
    this.bits = bits;
    this.used = used;
    this.mask = Lanes.of((1 << bits) - 1);
    this.signs = Lanes.of(1 << (bits - 1));
    this.above = 0xFF & -1 << bits;
  }

  /// Whether codes fill all bits of a word.
  boolean fillsWords() {
    return used == Integer.SIZE;
  }

  /// Takes eight codes.
  long takeEight() {
    int half = Lanes.COUNT / 2 * bits;
    long low = take(half);
    return signed(Long.expand(low | take(half) << half, mask));
  }

  /// Takes one code.
  byte take() {
    return (byte) signed(take(bits));
  }

  /// Turns the highest bits over, and repeats them in the bits above: a product of 0 or 1 in each
  /// byte.
  private long signed(long stored) {
    long codes = stored ^ signs;
    return codes | ((codes & signs) >>> (bits - 1)) * above;
  }

  private long take(int count) {
    if (available < count) {
      pending |= (words[word++] & (1L << used) - 1) << available;
      available += used;
    }
    long taken = pending & (1L << count) - 1;
    pending >>>= count;
    available -= count;
    return taken;
  }
}
