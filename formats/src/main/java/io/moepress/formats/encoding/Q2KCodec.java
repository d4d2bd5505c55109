package io.moepress.formats.encoding;

/// Q2_K: 256 weights in 84 bytes; 16 sub-blocks of 16.
///
/// | bytes | field |
/// |---|---|
/// | 0–15 | per sub-block: scale `s` in the low four bits, offset `m` in the high four |
/// | 16–79 | `q`, two bits: byte `32 h + i` holds codes `128 h + i`, `+ 32`, `+ 64`, `+ 96`, lowest bits first |
/// | 80–81 | `d`, half precision |
/// | 82–83 | `dmin`, half precision |
///
/// `x = d · s · q − dmin · m`. Without importance an error counts its magnitude times `|x|`.
final class Q2KCodec extends OffsetSuperBlockCodec {
  private static final OffsetSearch.Tries TRIES = new OffsetSearch.Tries(3, -0.5f, 0.1f, 15, true);

  Q2KCodec() {
    super(new Layout(84, 80, 16, 15, 1, TRIES));
  }

  @Override
  void weigh(WeightRows rows, int first, float[] target) {
    for (int i = 0; i < target.length; i++) {
      target[i] = Math.abs(rows.values()[first + i]);
    }
  }

  @Override
  void write(Codes codes, byte[] target, int at) {
    for (int j = 0; j < 16; j++) {
      target[at + j] = (byte) (codes.scales()[j] | codes.offsets()[j] << 4);
    }
    Bytes.putQuarters(codes.weights(), 0, target, at + 16);
  }

  @Override
  void read(byte[] source, int at, Codes codes) {
    for (int j = 0; j < 16; j++) {
      codes.scales()[j] = source[at + j] & 15;
      codes.offsets()[j] = source[at + j] >> 4 & 15;
    }
    Bytes.addQuarters(source, at + 16, codes.weights(), 0);
  }
}
