package io.moepress.formats.lowprecision;

/// The 8-bit floating-point type E4M3 in its "FN" variant: a sign, 4 bits of exponent with bias 7,
/// 3 bits of mantissa, no infinities; `0x7F` and `0xFF` are NaN.
///
/// ```
/// e > 0:  ± (8 + m) · 2^(e - 10)        2^-6 to 448
/// e = 0:  ± m · 2^-9                    subnormal, 2^-9 to 7 · 2^-9
/// ```
///
/// Source: Micikevicius et al., arXiv:2209.05433; the OCP 8-bit floating-point specification.
public final class Fp8 {
  /// The largest number.
  public static final float MAX = 448;

  /// What stands for a value that is no number.
  public static final byte NOT_A_NUMBER = 0x7F;

  private static final int SMALLEST_EXPONENT = -6;
  private static final int BIAS = 7;
  private static final int MANTISSA_BITS = 3;
  private static final int MANTISSAS = 1 << MANTISSA_BITS;
  private static final int MAGNITUDE = 0x7F;
  private static final int LARGEST = 0x7E;
  private static final float[] VALUES = values();

  private Fp8() {}

  private static float[] values() {
    float[] values = new float[1 << Byte.SIZE];
    for (int code = 0; code < values.length; code++) {
      values[code] = (code & ~MAGNITUDE) == 0 ? magnitude(code) : -magnitude(code & MAGNITUDE);
    }
    return values;
  }

  private static float magnitude(int code) {
    if (code == NOT_A_NUMBER) {
      return Float.NaN;
    }
    int exponent = code >> MANTISSA_BITS;
    int mantissa = code % MANTISSAS;
    return exponent == 0
        ? Math.scalb(mantissa, SMALLEST_EXPONENT - MANTISSA_BITS)
        : Math.scalb(MANTISSAS + mantissa, exponent - BIAS - MANTISSA_BITS);
  }

  /// The number of a code.
  public static float decode(byte code) {
    return VALUES[Byte.toUnsignedInt(code)];
  }

  /// The code of the nearest number, ties to the even mantissa; what is larger than [#MAX] becomes
  /// that, as does an infinity.
  public static byte encode(float value) {
    if (Float.isNaN(value)) {
      return NOT_A_NUMBER;
    }
    int sign = Float.floatToRawIntBits(value) >>> (Integer.SIZE - Byte.SIZE) & ~MAGNITUDE;
    float magnitude = Math.abs(value);
    if (magnitude >= MAX) {
      return (byte) (sign | LARGEST);
    }
    int exponent = Math.max(Math.getExponent(magnitude), SMALLEST_EXPONENT);
    int steps = (int) Math.rint(Math.scalb((double) magnitude, MANTISSA_BITS - exponent));
    // A subnormal has fewer steps than a mantissa has values; a carry runs into the exponent.
    return (byte) (sign | (((exponent - SMALLEST_EXPONENT) << MANTISSA_BITS) + steps));
  }
}
