package io.moepress.formats.encoding;

/// Q4_K: 256 weights in 144 bytes; 8 sub-blocks of 32.
///
/// | bytes | field |
/// |---|---|
/// | 0–1 | `d`, half precision |
/// | 2–3 | `dmin`, half precision |
/// | 4–15 | scales `s` and offsets `m`, six bits each, see below |
/// | 16–143 | `q`, four bits: byte `32 c + i` holds codes `64 c + i` low and `64 c + 32 + i` high |
///
/// Of the twelve bytes, byte `j` (0 to 3) holds `s_j` in its low six bits and byte `j + 4` holds
/// `m_j`; their two high bits are the high bits of `s_{j+4}` and `m_{j+4}`. Byte `j + 8` holds the
/// low four bits of `s_{j+4}`, and above them those of `m_{j+4}`.
///
/// `x = d · s · q − dmin · m`. Without importance an error counts its square times `√(mean square
/// of the sub-block) + |x|`.
final class Q4KCodec extends OffsetSuperBlockCodec {
  private static final OffsetSearch.Tries TRIES = new OffsetSearch.Tries(15, -1, 0.1f, 20, false);

  Q4KCodec() {
    super(new Layout(144, 0, 32, 63, 2, TRIES));
  }

  @Override
  void weigh(WeightRows rows, int first, float[] target) {
    weighBySize(rows, first, target);
  }

  static void weighBySize(WeightRows rows, int first, float[] target) {
    float size = (float) Math.sqrt(rows.energy(first, target.length) / target.length);
    for (int i = 0; i < target.length; i++) {
      target[i] = size + Math.abs(rows.values()[first + i]);
    }
  }

  @Override
  void write(Codes codes, byte[] target, int at) {
    writeScales(codes, target, at + 4);
    Bytes.putHalves(codes.weights(), target, at + 16);
  }

  @Override
  void read(byte[] source, int at, Codes codes) {
    readScales(source, at + 4, codes);
    Bytes.getHalves(source, at + 16, codes.weights());
  }

  static void writeScales(Codes codes, byte[] target, int at) {
    int[] scales = codes.scales();
    int[] offsets = codes.offsets();
    for (int j = 0; j < 4; j++) {
      target[at + j] = (byte) (scales[j] | scales[j + 4] >> 4 << 6);
      target[at + j + 4] = (byte) (offsets[j] | offsets[j + 4] >> 4 << 6);
      target[at + j + 8] = (byte) ((scales[j + 4] & 15) | (offsets[j + 4] & 15) << 4);
    }
  }

  static void readScales(byte[] source, int at, Codes codes) {
    for (int j = 0; j < 4; j++) {
      int low = source[at + j + 8];
      codes.scales()[j] = source[at + j] & 63;
      codes.offsets()[j] = source[at + j + 4] & 63;
      codes.scales()[j + 4] = (low & 15) | (source[at + j] >> 6 & 3) << 4;
      codes.offsets()[j + 4] = (low >> 4 & 15) | (source[at + j + 4] >> 6 & 3) << 4;
    }
  }
}
