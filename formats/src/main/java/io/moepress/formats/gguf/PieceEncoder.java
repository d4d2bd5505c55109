package io.moepress.formats.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.List;

/// Turns a piece of a checkpoint's tensor into the bytes of a GGUF type. Bytes of the same type stay
/// as they are.
public final class PieceEncoder {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final int HALF_EXPONENT = 0x7C00;

  private PieceEncoder() {}

  /// The types that this can make.
  public static List<GgufType> types() {
    return List.of(GgufType.F32, GgufType.F16, GgufType.BF16);
  }

  /// The bytes of `piece` as `type`.
  ///
  /// @param piece `[rows, columns]`
  /// @throws FormatException for a value that is not finite, or does not fit the type
  public static byte[] encode(TensorData piece, GgufType type) {
    if (isSame(piece.info().dtype(), type) && Numbers.areFinite(piece)) {
      return piece.bytes().toArray(ValueLayout.JAVA_BYTE);
    }
    float[] values = Numbers.floats(piece);
    byte[] target = new byte[Math.toIntExact(type.bytes(values.length))];
    switch (type) {
      case F32 -> toF32(values, target);
      case BF16 -> toBf16(values, target);
      case F16 -> toF16(piece.info().name(), values, target);
      default -> throw new IllegalArgumentException("no encoder for " + type);
    }
    return target;
  }

  private static boolean isSame(DType dtype, GgufType type) {
    return switch (dtype) {
      case F32 -> type == GgufType.F32;
      case F16 -> type == GgufType.F16;
      case BF16 -> type == GgufType.BF16;
      default -> false;
    };
  }

  private static void toF32(float[] values, byte[] target) {
    for (int i = 0; i < values.length; i++) {
      INT.set(target, i * Integer.BYTES, Float.floatToRawIntBits(values[i]));
    }
  }

  private static void toBf16(float[] values, byte[] target) {
    for (int i = 0; i < values.length; i++) {
      int bits = Float.floatToRawIntBits(values[i]);
      int rounded = bits + 0x7FFF + (bits >>> Short.SIZE & 1);
      SHORT.set(target, i * Short.BYTES, (short) (rounded >>> Short.SIZE));
    }
  }

  private static void toF16(String name, float[] values, byte[] target) {
    int largest = 0;
    for (int i = 0; i < values.length; i++) {
      short half = Float.floatToFloat16(values[i]);
      largest = Math.max(largest, half & HALF_EXPONENT);
      SHORT.set(target, i * Short.BYTES, half);
    }
    if (largest == HALF_EXPONENT) {
      throw FormatException.of(
          "tensor %s: a value is too large for F16 (expected at most 65504). Convert to BF16 or F32.",
          name);
    }
  }
}
