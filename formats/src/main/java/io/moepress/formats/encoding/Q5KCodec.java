package io.moepress.formats.encoding;

/// Q5_K: 256 weights in 176 bytes; 8 sub-blocks of 32.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | `d`, half precision |
/// | 2–3 | `dmin`, half precision |
/// | 4–15 | scales `s` and offsets `m`, six bits each, as in [Q4KCodec] |
/// | 16–47 | fifth bits: bit `j` of byte `i` belongs to code `32 j + i` |
/// | 48–175 | low four bits of `q`, as in [Q4KCodec] |
///
/// `x = d · s · q − dmin · m`. Errors count as in [Q4KCodec].
final class Q5KCodec extends OffsetSuperBlockCodec {
  private static final OffsetSearch.Tries TRIES =
      new OffsetSearch.Tries(31, -0.5f, 0.1f, 15, false);

  Q5KCodec() {
    super(new Layout(176, 0, 32, 63, 2, TRIES));
  }

  @Override
  void weigh(WeightRows rows, int first, float[] target) {
    Q4KCodec.weighBySize(rows, first, target);
  }

  @Override
  void write(Codes codes, byte[] target, int at) {
    Q4KCodec.writeScales(codes, target, at + 4);
    Bytes.putEighths(codes.weights(), 4, target, at + 16);
    Bytes.putHalves(codes.weights(), target, at + 48);
  }

  @Override
  void read(byte[] source, int at, Codes codes) {
    Q4KCodec.readScales(source, at + 4, codes);
    Bytes.getHalves(source, at + 48, codes.weights());
    Bytes.addEighths(source, at + 16, codes.weights(), 4);
  }
}
