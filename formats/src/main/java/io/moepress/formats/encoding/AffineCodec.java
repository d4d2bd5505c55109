package io.moepress.formats.encoding;

/// Q4_1 and Q5_1: 32 weights in 20 or 24 bytes.
///
/// | Q4_1 | Q5_1 | field |
/// |---|---|---|
/// | 0–1 | 0–1 | `d`, half precision |
/// | 2–3 | 2–3 | `m`, half precision |
/// | | 4–7 | fifth bits: bit `i` belongs to code `i` |
/// | 4–19 | 8–23 | low four bits: byte `i` holds code `i` low and code `i + 16` high |
///
/// `x = d · q + m`. Encoding: `m` is the smallest weight, `d = (largest − smallest) / 15` (`31`),
/// `q = ⌊(x − m) · (1 / d) + 0.5⌋`, with `d` and `m` that are not yet rounded. With importance:
/// [OffsetSearch], an error counts `importance · √(mean square of the row + x²)`.
final class AffineCodec extends BlockCodec {
  private static final int SIZE = 32;

  private final int highest;
  private final int bits;

  /// @param bits of a code, 4 or 5
  AffineCodec(int bits) {
    super(SIZE, 4 + SIZE * bits / Byte.SIZE);
    highest = (1 << bits) - 1;
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
      float smallest = values[first];
      float largest = values[first];
      for (int i = first; i < first + SIZE; i++) {
        smallest = Math.min(smallest, values[i]);
        largest = Math.max(largest, values[i]);
      }
      float scale = (largest - smallest) / highest;
      float inverse = Rounding.reciprocal(scale);
      for (int i = 0; i < SIZE; i++) {
        int code = (int) ((values[first + i] - smallest) * inverse + 0.5f);
        codes[i] = Math.min(highest, code);
      }
      write(new Block(rows, first, scale, smallest), codes, target);
    }
  }

  private void encodeImportant(WeightRows rows, float[] importance, byte[] target) {
    var search = new OffsetSearch(SIZE, new OffsetSearch.Tries(highest, -0.9f, 0.05f, 36, false));
    var batches = new Batches(rows, SIZE, search.blocks());
    int[] codes = new int[SIZE];
    while (batches.fill(batches.weighByRow(importance))) {
      search.run();
      for (int run = 0; run < search.blocks().count(); run++) {
        search.codes(run, codes, 0);
        int first = batches.first() + run * SIZE;
        write(new Block(rows, first, search.scale(run), -search.offset(run)), codes, target);
      }
    }
  }

  private record Block(WeightRows rows, int first, float scale, float smallest) {}

  private void write(Block block, int[] codes, byte[] target) {
    int at = block.first / SIZE * bytesPerBlock();
    Bytes.putShort(target, at, block.rows.half(block.scale, block.first));
    Bytes.putShort(target, at + 2, block.rows.half(block.smallest, block.first));
    Bytes.putCodes(codes, bits, target, at + 4);
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float scale = Bytes.getHalf(source, at);
    float smallest = Bytes.getHalf(source, at + 2);
    int[] codes = new int[SIZE];
    Bytes.getCodes(source, at + 4, bits, codes);
    for (int i = 0; i < SIZE; i++) {
      values[first + i] = scale * codes[i] + smallest;
    }
  }
}
