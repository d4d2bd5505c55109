package io.moepress.formats.encoding;

/// What TQ1_0 and TQ2_0 have in common: 256 weights of −d, 0 or d, for models trained so.
///
/// Encoding: `d` is the largest magnitude, each weight the nearest of the three to `x · (1 / d)`,
/// ties away from zero. Importance makes no difference.
abstract class TernaryCodec extends BlockCodec {
  static final int SIZE = 256;

  private final int scaleAt;

  /// @param scaleAt where `d` stands: at the end, in two bytes
  TernaryCodec(int scaleAt) {
    super(SIZE, scaleAt + 2);
    this.scaleAt = scaleAt;
  }

  /// Packs codes 0, 1, 2.
  abstract void write(int[] codes, byte[] target, int at);

  /// Unpacks codes into zeros.
  abstract void read(byte[] source, int at, int[] codes);

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] values = rows.values();
    int[] codes = new int[SIZE];
    for (int first = 0, at = 0; first < values.length; first += SIZE, at += bytesPerBlock()) {
      float scale = Math.abs(Rounding.largest(values, first, SIZE));
      float inverse = Rounding.reciprocal(scale);
      for (int i = 0; i < SIZE; i++) {
        codes[i] = Rounding.awayFromZero(values[first + i] * inverse) + 1;
      }
      write(codes, target, at);
      Bytes.putShort(target, at + scaleAt, rows.half(scale, first));
    }
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    float scale = Bytes.getHalf(source, at + scaleAt);
    int[] codes = new int[SIZE];
    read(source, at, codes);
    for (int i = 0; i < SIZE; i++) {
      values[first + i] = scale * (codes[i] - 1);
    }
  }
}
