package io.moepress.formats.encoding;

/// Q4_0 and Q5_0: 32 weights in 18 or 22 bytes.
///
/// | Q4_0 | Q5_0 | field |
/// |---|---|---|
/// | 0–1 | 0–1 | `d`, half precision |
/// | | 2–5 | fifth bits: bit `i` belongs to code `i` |
/// | 2–17 | 6–21 | low four bits: byte `i` holds code `i` low and code `i + 16` high |
///
/// `x = d · (q − 8)`, with five bits `d · (q − 16)`. Encoding: `d = largest / −8` (`−16`), where
/// `largest` is the weight of largest magnitude with its sign, and `q = ⌊x · (1 / d) + 8.5⌋`, at
/// most 15 (`16.5`, 31), with the `d` that is not yet rounded. With importance: [SignedSearch], an
/// error counts `importance · √(mean square of the row + x²)`.
final class SymmetricCodec extends BlockCodec {
  private static final int SIZE = 32;

  private final int half;
  private final int bits;

  /// @param bits of a code, 4 or 5
  SymmetricCodec(int bits) {
    super(SIZE, 2 + SIZE * bits / Byte.SIZE);
    half = 1 << (bits - 1);
    this.bits = bits;
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    if (rows.importance() == null) {
      encodePlain(rows, target);
    } else {
      encodeImportant(rows, rows.importance(), target);
    }
  }

  private void encodePlain(WeightRows rows, byte[] target) {
    float[] values = rows.values();
    int[] codes = new int[SIZE];
    for (int first = 0; first < values.length; first += SIZE) {
      float scale = Rounding.largest(values, first, SIZE) / -half;
      float inverse = Rounding.reciprocal(scale);
      for (int i = 0; i < SIZE; i++) {
        int code = (int) (values[first + i] * inverse + (half + 0.5f));
        codes[i] = Math.min(2 * half - 1, code);
      }
      write(rows, first, scale, codes, target);
    }
  }

  private void encodeImportant(WeightRows rows, float[] importance, byte[] target) {
    var search = new SignedSearch(SIZE, half);
    var batches = new Batches(rows, SIZE, search.blocks());
    int[] codes = new int[SIZE];
    while (batches.fill(batches.weighByRow(importance))) {
      search.run();
      for (int run = 0; run < search.blocks().count(); run++) {
        search.codes(run, codes, 0);
        write(rows, batches.first() + run * SIZE, search.scale(run), codes, target);
      }
    }
  }

  private void write(WeightRows rows, int first, float scale, int[] codes, byte[] target) {
    int at = first / SIZE * bytesPerBlock();
    Bytes.putShort(target, at, rows.half(scale, first));
    Bytes.putCodes(codes, bits, target, at + 2);
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float scale = Bytes.getHalf(source, at);
    int[] codes = new int[SIZE];
    Bytes.getCodes(source, at + 2, bits, codes);
    for (int i = 0; i < SIZE; i++) {
      values[first + i] = scale * (codes[i] - half);
    }
  }
}
