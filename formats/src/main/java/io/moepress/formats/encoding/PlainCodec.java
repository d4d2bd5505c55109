package io.moepress.formats.encoding;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// F16 and BF16 are each two bytes, little-endian, and F32 is four: every weight by itself, rounded
/// to the nearest, ties to even. BF16 is the upper half of an F32.
abstract class PlainCodec extends BlockCodec {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final float limit;

  private PlainCodec(int bytesPerWeight, float limit) {
    super(1, bytesPerWeight);
    this.limit = limit;
  }

  @Override
  final float limit() {
    return limit;
  }

  @Override
  final void decodeBlock(byte[] source, int at, float[] values, int first) {
    decode(source, 1, values, first);
  }

  /// Four bytes.
  static final class F32 extends PlainCodec {
    F32() {
      super(Float.BYTES, Float.POSITIVE_INFINITY);
    }

    @Override
    void encode(WeightRows rows, byte[] target) {
      float[] values = rows.values();
      MemorySegment bytes = MemorySegment.ofArray(target);
      MemorySegment.copy(values, 0, bytes, FLOAT, 0, values.length);
    }

    @Override
    void decode(byte[] source, int blocks, float[] values, int first) {
      MemorySegment.copy(MemorySegment.ofArray(source), FLOAT, 0, values, first, blocks);
    }
  }

  /// One sign, five exponent and ten fraction bits.
  static final class F16 extends PlainCodec {
    F16() {
      super(Short.BYTES, 65_520f);
    }

    @Override
    void encode(WeightRows rows, byte[] target) {
      float[] values = rows.values();
      MemorySegment bytes = MemorySegment.ofArray(target);
      for (int i = 0; i < values.length; i++) {
        bytes.set(SHORT, 2L * i, Float.floatToFloat16(values[i]));
      }
    }

    @Override
    void decode(byte[] source, int blocks, float[] values, int first) {
      MemorySegment bytes = MemorySegment.ofArray(source);
      for (int i = 0; i < blocks; i++) {
        values[first + i] = Float.float16ToFloat(bytes.get(SHORT, 2L * i));
      }
    }
  }

  /// One sign, eight exponent and seven fraction bits.
  static final class Bf16 extends PlainCodec {
    Bf16() {
      super(Short.BYTES, Float.intBitsToFloat(0x7F7F_8000));
    }

    @Override
    void encode(WeightRows rows, byte[] target) {
      float[] values = rows.values();
      MemorySegment bytes = MemorySegment.ofArray(target);
      for (int i = 0; i < values.length; i++) {
        int bits = Float.floatToRawIntBits(values[i]);
        int rounded = bits + 0x7FFF + (bits >>> Short.SIZE & 1);
        bytes.set(SHORT, 2L * i, (short) (rounded >>> Short.SIZE));
      }
    }

    @Override
    void decode(byte[] source, int blocks, float[] values, int first) {
      MemorySegment bytes = MemorySegment.ofArray(source);
      for (int i = 0; i < blocks; i++) {
        values[first + i] = Float.intBitsToFloat(bytes.get(SHORT, 2L * i) << Short.SIZE);
      }
    }
  }
}
