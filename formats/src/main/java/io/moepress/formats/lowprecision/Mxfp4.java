package io.moepress.formats.lowprecision;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// Blocks of 32 numbers of 4 bits (E2M1) that share a power of two.
///
/// | part          | type, shape                    |                                          |
/// |---------------|--------------------------------|------------------------------------------|
/// | `NAME_blocks` | U8 `[..., width / 32, 16]`     | byte `j`: element `2j` in the low four bits, `2j + 1` in the high |
/// | `NAME_scales` | U8 `[..., width / 32]`         | biased exponent of the block             |
///
/// The bits of an element: a sign, and one of the magnitudes 0, 0.5, 1, 1.5, 2, 3, 4, 6. Its value
/// is `± magnitude · 2^(exponent - 127)`; exponent 255 stands for no number.
///
/// Source: OCP Microscaling Formats specification 1.0; the layout of the tensors is that of
/// gpt-oss, `gpt_oss/torch/weights.py`.
public record Mxfp4() implements TensorCodec {
  /// Elements that share an exponent.
  public static final int BLOCK = 32;

  /// Bytes of the elements of a block.
  public static final int BLOCK_BYTES = BLOCK / 2;

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final float[] MAGNITUDES = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  private static final int SIGN = 8;
  private static final int ELEMENT = 0xF;
  private static final int BIAS = 127;
  private static final int NO_NUMBER = 255;

  /// The exponent of the largest magnitude.
  private static final int LARGEST_EXPONENT = 2;

  @Override
  public String label() {
    return "MXFP4";
  }

  @Override
  public List<String> suffixes() {
    return List.of("_blocks", "_scales");
  }

  @Override
  public DType dtype() {
    return DType.F4;
  }

  @Override
  public boolean isFirst(TensorInfo tensor) {
    return tensor.dtype() == DType.U8;
  }

  @Override
  public Shape shape(List<TensorInfo> parts) {
    TensorInfo blocks = parts.getFirst();
    TensorInfo scales = parts.getLast();
    List<Long> dimensions = new ArrayList<>(blocks.shape().dimensions());
    if (dimensions.size() < 2 || dimensions.getLast() != BLOCK_BYTES) {
      throw FormatException.of(
          "tensor %s: shape %s (expected [..., blocks, %d])",
          blocks.name(), blocks.shape(), BLOCK_BYTES);
    }
    dimensions.removeLast();
    if (scales.dtype() != DType.U8 || !scales.shape().dimensions().equals(dimensions)) {
      throw FormatException.of(
          "tensor %s: %s %s (expected U8 %s, one for each block of %s)",
          scales.name(), scales.dtype(), scales.shape(), dimensions, blocks.name());
    }
    dimensions.set(dimensions.size() - 1, Math.multiplyExact(dimensions.getLast(), (long) BLOCK));
    return new Shape(dimensions);
  }

  @Override
  public void decode(List<TensorData> parts, MemorySegment target) {
    MemorySegment blocks = parts.getFirst().bytes();
    MemorySegment scales = parts.getLast().bytes();
    for (long block = 0; block < scales.byteSize(); block++) {
      float scale = scale(scales.get(JAVA_BYTE, block));
      for (int j = 0; j < BLOCK_BYTES; j++) {
        int pair = blocks.get(JAVA_BYTE, block * BLOCK_BYTES + j);
        long index = block * BLOCK + 2L * j;
        put(target, index, value(pair & ELEMENT) * scale);
        put(target, index + 1, value(pair >> 4 & ELEMENT) * scale);
      }
    }
  }

  @Override
  public long linesAtOnce(TensorInfo matrix) {
    return 1;
  }

  @Override
  public List<TensorData> lines(List<TensorData> matrix, long first, long count) {
    return matrix.stream().map(part -> part.rows(first, count)).toList();
  }

  private static float scale(byte exponent) {
    int biased = Byte.toUnsignedInt(exponent);
    return biased == NO_NUMBER ? Float.NaN : Math.scalb(1f, biased - BIAS);
  }

  private static float value(int code) {
    float magnitude = MAGNITUDES[code % SIGN];
    return (code & SIGN) == 0 ? magnitude : -magnitude;
  }

  static void put(MemorySegment target, long index, float value) {
    target.set(FLOAT, index * Float.BYTES, value);
  }

  @Override
  public boolean isFinite(int place, TensorData part) {
    boolean finite = true;
    for (long i = 0; place > 0 && i < part.bytes().byteSize(); i++) {
      finite &= Byte.toUnsignedInt(part.bytes().get(JAVA_BYTE, i)) != NO_NUMBER;
    }
    return finite;
  }

  /// Numbers in this encoding.
  ///
  /// @param blocks 16 bytes for each block; not copied
  /// @param scales biased exponents, one for each block; not copied
  public record Encoded(byte[] blocks, byte[] scales) {}

  /// Encodes numbers: the exponent of a block is that of its largest magnitude, less 2, and each
  /// element becomes the nearest code, ties to the even one, what is too large the largest. So an
  /// element is off by at most a quarter of the block's largest magnitude, as far as float32 goes.
  ///
  /// @param values finite numbers, whole blocks of them
  public static Encoded encode(float[] values) {
    Checks.require(
        values.length % BLOCK == 0, "%d values (expected a multiple of 32)", values.length);
    byte[] blocks = new byte[values.length / 2];
    byte[] scales = new byte[values.length / BLOCK];
    for (int block = 0; block < scales.length; block++) {
      int exponent = exponent(values, block * BLOCK);
      scales[block] = (byte) (exponent + BIAS);
      for (int j = 0; j < BLOCK_BYTES; j++) {
        int index = block * BLOCK + 2 * j;
        int low = code(Math.scalb((double) values[index], -exponent));
        int high = code(Math.scalb((double) values[index + 1], -exponent));
        blocks[block * BLOCK_BYTES + j] = (byte) (high << 4 | low);
      }
    }
    return new Encoded(blocks, scales);
  }

  private static int exponent(float[] values, int first) {
    float largest = 0;
    for (int i = first; i < first + BLOCK; i++) {
      Checks.requireFormat(Float.isFinite(values[i]), "element %d is not finite", i);
      largest = Math.max(largest, Math.abs(values[i]));
    }
    return largest == 0 ? 0 : Math.max(Math.getExponent(largest) - LARGEST_EXPONENT, -BIAS);
  }

  private static int code(double value) {
    double magnitude = Math.abs(value);
    int nearest = 0;
    for (int code = 1; code < MAGNITUDES.length; code++) {
      double middle = (MAGNITUDES[code - 1] + MAGNITUDES[code]) / 2.0;
      boolean above = code % 2 == 0 ? magnitude >= middle : magnitude > middle;
      nearest = above ? code : nearest;
    }
    return Double.doubleToRawLongBits(value) < 0 ? nearest | SIGN : nearest;
  }
}
