package io.moepress.formats.encoding;

/// IQ4_XS: 256 weights in 136 bytes; 8 sub-blocks of 32.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | `d`, half precision |
/// | 2–3 | high two bits of `s_j + 32`: bits `2 j` and up |
/// | 4–7 | low four bits of `s_j + 32`: byte `j / 2`, high half for odd `j` |
/// | 8–135 | `q`, four bits: byte `16 j + i` holds codes `32 j + i` low and `32 j + i + 16` high |
///
/// `x = d · s · T[q]` with the uneven table `T` of [TableSearch]. Encoding: [TableSearch] for every
/// sub-block as in [Iq4NlCodec], with the mean square of all 256 weights; `d` makes −32 of the
/// scale of largest magnitude; then the code nearest to `x · (1 / (d · s))` with the `d` that is
/// not yet rounded.
final class Iq4XsCodec extends BlockCodec {
  private static final int SIZE = 256;
  private static final int LENGTH = TableSearch.LENGTH;
  private static final int COUNT = SIZE / LENGTH;
  private static final int HIGHEST_SCALE = 32;

  Iq4XsCodec() {
    super(SIZE, 136);
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    var search = new TableSearch();
    float[] scales = new float[COUNT];
    for (int first = 0; first < rows.values().length; first += SIZE) {
      for (int j = 0; j < COUNT; j++) {
        int start = first + j * LENGTH;
        Iq4NlCodec.weigh(rows, first, SIZE, start, search.weights());
        scales[j] = search.scale(rows.values(), start);
      }
      write(rows, first, scales, target);
    }
  }

  private void write(WeightRows rows, int first, float[] scales, byte[] target) {
    int at = first / SIZE * bytesPerBlock();
    float step = -Rounding.largest(scales, 0, COUNT) / HIGHEST_SCALE;
    float inverse = Rounding.reciprocal(step);
    Bytes.putShort(target, at, rows.half(step, first));
    int high = 0;
    int[] codes = new int[LENGTH];
    for (int j = 0; j < COUNT; j++) {
      int code = Rounding.nearest(inverse * scales[j], -HIGHEST_SCALE, HIGHEST_SCALE - 1);
      float inverseScale = Rounding.reciprocal(step * code);
      for (int i = 0; i < LENGTH; i++) {
        codes[i] = TableSearch.code(inverseScale * rows.values()[first + j * LENGTH + i]);
      }
      Bytes.putNibbles(codes, 0, target, at + 8 + 16 * j);
      target[at + 4 + j / 2] |= (byte) ((code + HIGHEST_SCALE & 15) << (4 * (j % 2)));
      high |= (code + HIGHEST_SCALE) >> 4 << (2 * j);
    }
    Bytes.putShort(target, at + 2, (short) high);
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float step = Bytes.getHalf(source, at);
    int high = Bytes.getShort(source, at + 2);
    int[] codes = new int[LENGTH];
    for (int j = 0; j < COUNT; j++) {
      int low = source[at + 4 + j / 2] >> (4 * (j % 2)) & 15;
      float scale = step * ((low | (high >> (2 * j) & 3) << 4) - HIGHEST_SCALE);
      Bytes.getNibbles(source, at + 8 + 16 * j, codes, 0);
      for (int i = 0; i < LENGTH; i++) {
        values[first + j * LENGTH + i] = scale * TableSearch.value(codes[i]);
      }
    }
  }
}
