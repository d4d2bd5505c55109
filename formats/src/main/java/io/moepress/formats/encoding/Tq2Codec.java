package io.moepress.formats.encoding;

/// TQ2_0: 256 weights in 66 bytes.
///
/// | bytes | field |
/// |---|---|
/// | 0–63 | two bits: byte `32 h + i` holds codes `128 h + i`, `+ 32`, `+ 64`, `+ 96`, lowest bits first |
/// | 64–65 | `d`, half precision |
///
/// `x = d · (q − 1)`.
final class Tq2Codec extends TernaryCodec {

  Tq2Codec() {
    super(64);
  }

  @Override
  void write(int[] codes, byte[] target, int at) {
    Bytes.putQuarters(codes, 0, target, at);
  }

  @Override
  void read(byte[] source, int at, int[] codes) {
    Bytes.addQuarters(source, at, codes, 0);
  }
}
