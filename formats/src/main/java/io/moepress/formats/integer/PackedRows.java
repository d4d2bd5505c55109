package io.moepress.formats.integer;

/// Packs a matrix of codes along either of its axes.
///
/// @param packing how codes share words
/// @param bits of a code
record PackedRows(BitPacking packing, int bits) {

  /// Packs each row by itself: `[rows, columns]` becomes `[rows, words]`.
  int[] alongRows(byte[] codes, int rows) {
    int columns = codes.length / rows;
    int width = packing.words(columns, bits);
    int[] words = new int[Math.multiplyExact(rows, width)];
    WordWriter writer = new WordWriter(words, 0, bits, packing.used(bits));
    for (int row = 0; row < rows; row++) {
      packing.pack(codes, row * columns, columns, writer);
    }
    return words;
  }

  /// Packs each column by itself: `[rows, columns]` becomes `[words, columns]`.
  int[] alongColumns(byte[] codes, int columns) {
    int rows = codes.length / columns;
    return transposed(alongRows(transposed(codes, columns), columns), packing.words(rows, bits));
  }

  /// The reverse of [#alongRows].
  ///
  /// @param count of rows
  /// @param length of a row
  byte[] rows(int[] words, int count, int length) {
    int width = words.length / count;
    byte[] codes = new byte[Math.multiplyExact(count, length)];
    for (int row = 0; row < count; row++) {
      WordReader reader = new WordReader(words, row * width, bits, packing.used(bits));
      packing.unpack(reader, codes, row * length, length);
    }
    return codes;
  }

  /// The reverse of [#alongColumns].
  ///
  /// @param length of a column
  /// @param count of columns
  byte[] columns(int[] words, int length, int count) {
    return transposed(rows(transposed(words, count), count, length), length);
  }

  /// A matrix `[n, columns]` with its axes exchanged.
  static int[] transposed(int[] values, int columns) {
    int rows = values.length / columns;
    int[] result = new int[values.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        result[column * rows + row] = values[row * columns + column];
      }
    }
    return result;
  }

  /// A matrix `[n, columns]` with its axes exchanged.
  static byte[] transposed(byte[] values, int columns) {
    int rows = values.length / columns;
    byte[] result = new byte[values.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        result[column * rows + row] = values[row * columns + column];
      }
    }
    return result;
  }
}
