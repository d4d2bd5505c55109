package io.moepress.formats.encoding;

/// TQ1_0: 256 weights in 54 bytes.
///
/// | bytes | field |
/// |---|---|
/// | 0–31 | byte `i`: codes `i`, `i + 32`, … `i + 128` |
/// | 32–47 | byte `32 + i`: codes `160 + i`, `176 + i`, … `224 + i` |
/// | 48–51 | byte `48 + i`: codes `240 + i`, `244 + i`, `248 + i`, `252 + i` and a zero |
/// | 52–53 | `d`, half precision |
///
/// `x = d · (q − 1)`. A byte holds five codes, base 3, the first one most significant: `⌈256 t /
/// 243⌉` for the number `t`. Code `n` comes back as `(3 · (3ⁿ · byte mod 256)) >> 8`, without a
/// division.
final class Tq1Codec extends TernaryCodec {
  private static final int[] POWERS = {1, 3, 9, 27, 81};

  /// The bytes of one kind: `count` of them from `at` on, whose codes are `count` apart.
  private record Part(int at, int count, int firstCode, int codes) {}

  private static final Part[] PARTS = {
    new Part(0, 32, 0, 5), new Part(32, 16, 160, 5), new Part(48, 4, 240, 4)
  };

  Tq1Codec() {
    super(52);
  }

  @Override
  void write(int[] codes, byte[] target, int at) {
    for (Part part : PARTS) {
      for (int i = 0; i < part.count; i++) {
        int number = 0;
        for (int n = 0; n < POWERS.length; n++) {
          int code = n < part.codes ? codes[part.firstCode + i + n * part.count] : 0;
          number = 3 * number + code;
        }
        target[at + part.at + i] = (byte) ((number * 256 + 242) / 243);
      }
    }
  }

  @Override
  void read(byte[] source, int at, int[] codes) {
    for (Part part : PARTS) {
      for (int i = 0; i < part.count; i++) {
        for (int n = 0; n < part.codes; n++) {
          int rest = source[at + part.at + i] * POWERS[n] & 255;
          codes[part.firstCode + i + n * part.count] = (3 * rest) >> 8;
        }
      }
    }
  }
}
