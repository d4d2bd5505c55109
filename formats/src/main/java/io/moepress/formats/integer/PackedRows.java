package io.moepress.formats.integer;

/// Packs a matrix of codes along either of its axes.
///
/// @param packing how codes share words
/// @param bits of a code
record PackedRows(BitPacking packing, int bits) {

  /// Packs each row by itself: `[rows, columns]` becomes `[rows, words]`.
  int[] alongRows(int[] codes, int rows) {
    int columns = codes.length / rows;
    int width = packing.words(columns, bits);
    int[] words = new int[Math.multiplyExact(rows, width)];
    for (int row = 0; row < rows; row++) {
      packing.pack(codes, row * columns, columns, bits, words, row * width);
    }
    return words;
  }

  /// Packs each column by itself: `[rows, columns]` becomes `[words, columns]`.
  int[] alongColumns(int[] codes, int columns) {
    int rows = codes.length / columns;
    return transposed(alongRows(transposed(codes, columns), columns), packing.words(rows, bits));
  }

  /// The reverse of [#alongRows].
  ///
  /// @param count of rows
  /// @param length of a row
  int[] rows(int[] words, int count, int length) {
    int width = words.length / count;
    int[] codes = new int[Math.multiplyExact(count, length)];
    int[] line = new int[width];
    for (int row = 0; row < count; row++) {
      System.arraycopy(words, row * width, line, 0, width);
      System.arraycopy(packing.unpack(line, length, bits), 0, codes, row * length, length);
    }
    return codes;
  }

  /// The reverse of [#alongColumns].
  ///
  /// @param length of a column
  /// @param count of columns
  int[] columns(int[] words, int length, int count) {
    return transposed(rows(transposed(words, count), count, length), length);
  }

  /// A matrix `[n, columns]` with its axes exchanged.
  static int[] transposed(int[] values, int columns) {
    int rows = values.length / columns;
    int[] result = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i % columns * rows + i / columns] = values[i];
    }
    return result;
  }
}
