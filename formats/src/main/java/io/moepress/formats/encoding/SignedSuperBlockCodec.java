package io.moepress.formats.encoding;

/// What Q3_K and Q6_K have in common: 256 weights in 16 sub-blocks of 16, each with a signed scale,
/// which is itself a code: `x = (d · s) · q`.
///
/// Encoding: a scale is found for every sub-block, then a `d` for the scales. Then every weight is
/// encoded anew with the stored numbers: `q` nearest to `x / (d · s)`.
abstract class SignedSuperBlockCodec extends BlockCodec {
  static final int SIZE = 256;
  static final int LENGTH = 16;
  static final int COUNT = SIZE / LENGTH;

  private final int highest;
  private final int scaleAt;

  /// The codes of a block.
  ///
  /// @param weights `q − lowest`, not negative
  /// @param scales signed
  record Codes(int[] weights, int[] scales) {

    static Codes empty() {
      return new Codes(new int[SIZE], new int[COUNT]);
    }
  }

  /// @param bytes of a block
  /// @param scaleAt where `d` stands
  /// @param highest codes reach from `−highest` to `highest − 1`
  SignedSuperBlockCodec(int bytes, int scaleAt, int highest) {
    super(SIZE, bytes);
    this.scaleAt = scaleAt;
    this.highest = highest;
  }

  /// Packs all codes; `target` holds zeros.
  abstract void write(Codes codes, byte[] target, int at);

  /// Unpacks all codes into zeros.
  abstract void read(byte[] source, int at, Codes codes);

  /// Encodes the block that begins at `first`, the scales of whose sub-blocks are found.
  ///
  /// @param step that makes codes of the scales
  /// @param codes the scales, and the weights as the search left them, for sub-blocks of scale 0
  final void finish(WeightRows rows, int first, float step, Codes codes, byte[] target) {
    int at = first / SIZE * bytesPerBlock();
    short half = rows.half(step, first);
    float stored = Float.float16ToFloat(half);
    for (int j = 0; j < COUNT; j++) {
      float scale = stored * codes.scales[j];
      if (scale != 0) {
        encode(rows.values(), first, j * LENGTH, scale, codes.weights);
      }
    }
    write(codes, target, at);
    Bytes.putShort(target, at + scaleAt, half);
  }

  private void encode(float[] values, int first, int start, float scale, int[] codes) {
    for (int i = start; i < start + LENGTH; i++) {
      codes[i] = Rounding.nearest(values[first + i] / scale, -highest, highest - 1) + highest;
    }
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    Codes codes = Codes.empty();
    read(source, at, codes);
    float step = Bytes.getHalf(source, at + scaleAt);
    for (int i = 0; i < SIZE; i++) {
      float scale = step * codes.scales[i / LENGTH];
      values[first + i] = scale * (codes.weights[i] - highest);
    }
  }
}
