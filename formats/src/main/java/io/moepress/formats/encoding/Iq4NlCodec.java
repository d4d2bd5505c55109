package io.moepress.formats.encoding;

/// IQ4_NL: 32 weights in 18 bytes.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | `d`, half precision |
/// | 2–17 | `q`, four bits: byte `i` holds code `i` low and code `i + 16` high |
///
/// `x = d · T[q]` with the uneven table `T` of [TableSearch]. Encoding: [TableSearch], an error
/// counts `x²`, or with importance `importance · √(2 · mean square of the block + x²)`; then the
/// code nearest to `x · (1 / d)` with the `d` that is not yet rounded.
final class Iq4NlCodec extends BlockCodec {
  static final int SIZE = TableSearch.LENGTH;

  Iq4NlCodec() {
    super(SIZE, 18);
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] values = rows.values();
    var search = new TableSearch();
    int[] codes = new int[SIZE];
    for (int first = 0, at = 0; first < values.length; first += SIZE, at += bytesPerBlock()) {
      weigh(rows, first, SIZE, first, search.weights());
      float scale = search.scale(values, first);
      float inverse = Rounding.reciprocal(scale);
      for (int i = 0; i < SIZE; i++) {
        codes[i] = TableSearch.code(inverse * values[first + i]);
      }
      Bytes.putShort(target, at, rows.half(scale, first));
      Bytes.putNibbles(codes, 0, target, at + 2);
    }
  }

  /// How much errors count in the 32 weights from `first` on, which belong to the block of `size`
  /// weights that begins at `block`.
  static void weigh(WeightRows rows, int block, int size, int first, float[] target) {
    float[] importance = rows.importance();
    if (importance != null) {
      rows.weigh(first, importance, rows.energy(block, size) * (2f / size), target);
      return;
    }
    for (int i = 0; i < SIZE; i++) {
      target[i] = rows.values()[first + i] * rows.values()[first + i];
    }
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float scale = Bytes.getHalf(source, at);
    int[] codes = new int[SIZE];
    Bytes.getNibbles(source, at + 2, codes, 0);
    for (int i = 0; i < SIZE; i++) {
      values[first + i] = scale * TableSearch.value(codes[i]);
    }
  }
}
