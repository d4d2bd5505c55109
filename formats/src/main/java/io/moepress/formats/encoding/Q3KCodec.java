package io.moepress.formats.encoding;

import java.util.Arrays;

/// Q3_K: 256 weights in 110 bytes; 16 sub-blocks of 16.
///
/// | bytes | field |
/// |---|---|
/// | 0–31 | third bits: bit `j` of byte `i` belongs to code `32 j + i` |
/// | 32–95 | low two bits: byte `32 h + i` holds codes `128 h + i`, `+ 32`, `+ 64`, `+ 96`, lowest bits first |
/// | 96–103 | low four bits of `s_j + 32`: byte `j % 8`, high half for `j` from 8 on |
/// | 104–107 | high two bits of `s_j + 32`: byte `j % 4`, bits `2 (j / 4)` and up |
/// | 108–109 | `d`, half precision |
///
/// `x = d · s · (q − 4)`. Encoding: [DescentSearch] for the weights; `d` makes −32 of the scale of
/// largest magnitude. With importance: [SignedSearch] for both, an error counts `importance · √(2 ·
/// mean square of the block + x²)`.
final class Q3KCodec extends SignedSuperBlockCodec {
  private static final int HIGHEST = 4;
  private static final int HIGHEST_SCALE = 32;

  Q3KCodec() {
    super(110, 108, HIGHEST);
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
    var search = new DescentSearch();
    float[] scales = new float[COUNT];
    Codes codes = Codes.empty();
    for (int first = 0; first < rows.values().length; first += SIZE) {
      for (int j = 0; j < COUNT; j++) {
        int start = j * LENGTH;
        scales[j] = search.scale(rows.values(), first + start, codes.weights(), start);
      }
      finish(rows, first, step(scales, codes.scales()), codes, target);
    }
  }

  private static float step(float[] scales, int[] codes) {
    float largest = Rounding.largest(scales, 0, COUNT);
    if (largest == 0) {
      Arrays.fill(codes, -HIGHEST_SCALE);
      return 0;
    }
    float inverse = -HIGHEST_SCALE / largest;
    for (int j = 0; j < COUNT; j++) {
      codes[j] = Rounding.nearest(inverse * scales[j], -HIGHEST_SCALE, HIGHEST_SCALE - 1);
    }
    return 1 / inverse;
  }

  private void encodeImportant(WeightRows rows, float[] importance, byte[] target) {
    var search = new SignedSearch(LENGTH, HIGHEST);
    var scaleSearch = new SignedSearch(COUNT, HIGHEST_SCALE);
    var batches = new Batches(rows, SIZE, search.blocks());
    float[] scales = new float[COUNT];
    float[] sums = new float[COUNT];
    Codes codes = Codes.empty();
    while (batches.fill(batches.weighByBlock(2, importance))) {
      search.run();
      for (int run = 0; run < search.blocks().count(); run += COUNT) {
        for (int j = 0; j < COUNT; j++) {
          scales[j] = search.scale(run + j);
          sums[j] = batches.sum(run + j);
          search.codes(run + j, codes.weights(), j * LENGTH);
        }
        float step = fitted(scaleSearch, scales, sums, codes.scales());
        finish(rows, batches.first() + run * LENGTH, step, codes, target);
      }
    }
  }

  private static float fitted(SignedSearch search, float[] scales, float[] sums, int[] codes) {
    search.blocks().clear();
    search.blocks().add(scales, 0, sums);
    search.run();
    search.codes(0, codes, 0);
    for (int j = 0; j < COUNT; j++) {
      codes[j] -= HIGHEST_SCALE;
    }
    return search.scale(0);
  }

  @Override
  void write(Codes codes, byte[] target, int at) {
    Bytes.putEighths(codes.weights(), 2, target, at);
    Bytes.putQuarters(codes.weights(), 0, target, at + 32);
    for (int j = 0; j < COUNT; j++) {
      int code = codes.scales()[j] + HIGHEST_SCALE;
      target[at + 96 + j % 8] |= (byte) ((code & 15) << (4 * (j / 8)));
      target[at + 104 + j % 4] |= (byte) (code >> 4 << (2 * (j / 4)));
    }
  }

  @Override
  void read(byte[] source, int at, Codes codes) {
    Bytes.addQuarters(source, at + 32, codes.weights(), 0);
    Bytes.addEighths(source, at, codes.weights(), 2);
    for (int j = 0; j < COUNT; j++) {
      int low = source[at + 96 + j % 8] >> (4 * (j / 8)) & 15;
      int high = source[at + 104 + j % 4] >> (2 * (j / 4)) & 3;
      codes.scales()[j] = (low | high << 4) - HIGHEST_SCALE;
    }
  }
}
