package io.moepress.formats.encoding;

import java.util.Arrays;

/// Q6_K: 256 weights in 210 bytes; 16 sub-blocks of 16.
///
/// | bytes | field |
/// |---|---|
/// | 0–127 | low four bits: byte `64 h + i` holds codes `128 h + i` low and `128 h + 64 + i` high |
/// | 128–191 | high two bits: byte `32 h + i` holds codes `128 h + i`, `+ 32`, `+ 64`, `+ 96`, lowest bits first |
/// | 192–207 | `s`, 16 signed bytes |
/// | 208–209 | `d`, half precision |
///
/// `x = d · s · (q − 32)`. Encoding: [SignedSearch], an error counts `x²` or its importance; `d`
/// makes −128 of the scale of largest magnitude.
final class Q6KCodec extends SignedSuperBlockCodec {
  private static final int HIGHEST = 32;

  Q6KCodec() {
    super(210, 208, HIGHEST);
  }

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] importance = rows.importance();
    var search = new SignedSearch(LENGTH, HIGHEST);
    var batches = new Batches(rows, SIZE, search.blocks());
    Batches.Weighing weighing =
        importance == null
            ? (first, weights) -> weighBySquare(rows.values(), first, weights)
            : (first, weights) -> weighByColumn(importance, first % rows.width(), weights);
    float[] scales = new float[COUNT];
    Codes codes = Codes.empty();
    while (batches.fill(weighing)) {
      search.run();
      for (int run = 0; run < search.blocks().count(); run += COUNT) {
        for (int j = 0; j < COUNT; j++) {
          scales[j] = search.scale(run + j);
          search.codes(run + j, codes.weights(), j * LENGTH);
        }
        float step = step(scales, codes);
        finish(rows, batches.first() + run * LENGTH, step, codes, target);
      }
    }
  }

  private static void weighBySquare(float[] values, int first, float[] target) {
    for (int i = 0; i < target.length; i++) {
      target[i] = values[first + i] * values[first + i];
    }
  }

  private static void weighByColumn(float[] importance, int column, float[] target) {
    System.arraycopy(importance, column, target, 0, target.length);
    float any = 0;
    for (float weight : target) {
      any = Math.max(any, weight);
    }
    if (any == 0) {
      Arrays.fill(target, 1);
    }
  }

  /// A block of zeros is a block of zero bytes.
  private static float step(float[] scales, Codes codes) {
    float largest = Rounding.largest(scales, 0, COUNT);
    if (Math.abs(largest) < Rounding.SMALLEST) {
      Arrays.fill(codes.scales(), 0);
      Arrays.fill(codes.weights(), 0);
      return 0;
    }
    float inverse = -128 / largest;
    for (int j = 0; j < COUNT; j++) {
      codes.scales()[j] = Rounding.nearest(inverse * scales[j], -128, 127);
    }
    return 1 / inverse;
  }

  @Override
  void write(Codes codes, byte[] target, int at) {
    int[] weights = codes.weights();
    for (int i = 0; i < 128; i++) {
      int code = i / 64 * 128 + i % 64;
      target[at + i] = (byte) ((weights[code] & 15) | (weights[code + 64] & 15) << 4);
    }
    Bytes.putQuarters(weights, 4, target, at + 128);
    for (int j = 0; j < COUNT; j++) {
      target[at + 192 + j] = (byte) codes.scales()[j];
    }
  }

  @Override
  void read(byte[] source, int at, Codes codes) {
    int[] weights = codes.weights();
    for (int i = 0; i < 128; i++) {
      int code = i / 64 * 128 + i % 64;
      weights[code] = source[at + i] & 15;
      weights[code + 64] = source[at + i] >> 4 & 15;
    }
    Bytes.addQuarters(source, at + 128, weights, 4);
    for (int j = 0; j < COUNT; j++) {
      codes.scales()[j] = source[at + 192 + j];
    }
  }
}
