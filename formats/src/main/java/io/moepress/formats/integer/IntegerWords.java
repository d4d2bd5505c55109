package io.moepress.formats.integer;

import io.moepress.formats.Checks;

/// A matrix as it is kept, by [IntegerMatrix#words].
///
/// @param words codes, packed row after row, scales, and zero points where there are any; not
///   copied
/// @param rows rows of the matrix
/// @param columns its columns
/// @param scheme its grid and groups
@SuppressWarnings("ArrayRecordComponent") // never compared
public record IntegerWords(int[] words, int rows, int columns, IntegerScheme scheme) {

  /// @throws io.moepress.formats.FormatException when there are more or fewer words
  public IntegerWords {
    int expected = count(rows, columns, groups(columns, scheme), scheme.grid());
    Checks.requireFormat(
        words.length == expected,
        "%d words for [%d, %d] in %s (expected %d)",
        words.length,
        rows,
        columns,
        scheme,
        expected);
  }

  private static int groups(int columns, IntegerScheme scheme) {
    return Math.toIntExact(scheme.groups(columns));
  }

  /// How many words a matrix is kept as.
  static int count(int rows, int columns, int groups, IntegerGrid grid) {
    int codes = BitPacking.STREAM.words(Math.multiplyExact(rows, columns), grid.bits());
    return Math.addExact(codes, Math.multiplyExact(rows, groups) * (grid.isSymmetric() ? 1 : 2));
  }

  /// The matrix.
  public IntegerMatrix matrix() {
    return matrix(0, rows);
  }

  /// Some rows of the matrix, as a matrix of these rows.
  ///
  /// @param first index of the first, a multiple of 32, so that its codes begin a word
  /// @param count how many
  public IntegerMatrix matrix(int first, int count) {
    Checks.require(
        first % BitPacking.STREAM.codesAtOnce(scheme.bits()) == 0,
        "rows from %d on (expected a multiple of 32)",
        first);
    IntegerGrid grid = scheme.grid();
    BitPacking packing = BitPacking.STREAM;
    int word = packing.words(first * columns, grid.bits());
    byte[] codes = new byte[count * columns];
    packing.unpack(
        new WordReader(words, word, grid.bits(), packing.used(grid.bits())),
        codes,
        0,
        codes.length);
    int groups = groups(columns, scheme);
    float[] scales = new float[count * groups];
    byte[] zeroPoints = new byte[scales.length];
    int place = packing.words(rows * columns, grid.bits()) + first * groups;
    for (int i = 0; i < scales.length; i++) {
      scales[i] = Float.intBitsToFloat(words[place + i]);
      zeroPoints[i] = grid.isSymmetric() ? 0 : (byte) words[place + rows * groups + i];
    }
    return new IntegerMatrix(
        grid, count, scheme.sharing().groups(columns), codes, scales, zeroPoints);
  }
}
