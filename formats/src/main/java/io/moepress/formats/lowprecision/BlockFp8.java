package io.moepress.formats.lowprecision;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Matrices of [Fp8] numbers with one scale for each block.
///
/// | part                 | type, shape                                                   |
/// |----------------------|---------------------------------------------------------------|
/// | `NAME`               | F8_E4M3 `[height, width]`                                     |
/// | `NAME_scale_inv`     | F32, BF16 or F16 `[⌈height / rows⌉, ⌈width / columns⌉]`       |
///
/// Element `(i, j)` is `fp8(i, j) · scale(i / rows, j / columns)`, calculated in float32: a
/// product, whatever the name of the scale says. Blocks at the lower and right edge may be smaller.
/// In front of height and width there may be further dimensions, the same in both parts.
///
/// Source: DeepSeek-V3, `README_WEIGHTS.md` and `inference/kernel.py`.
///
/// @param rows rows of a block
/// @param columns columns of a block
public record BlockFp8(int rows, int columns) implements TensorCodec {
  static final String SCALE = "_scale_inv";

  public BlockFp8 {
    Checks.require(rows > 0 && columns > 0, "blocks of %d x %d elements", rows, columns);
  }

  @Override
  public String label() {
    return Checks.text("FP8 E4M3 in blocks of %d × %d", rows, columns);
  }

  @Override
  public List<String> suffixes() {
    return List.of("", SCALE);
  }

  @Override
  public DType dtype() {
    return DType.F8_E4M3;
  }

  @Override
  public boolean isFirst(TensorInfo tensor) {
    return tensor.dtype() == DType.F8_E4M3;
  }

  @Override
  public Shape shape(List<TensorInfo> parts) {
    TensorInfo weight = parts.getFirst();
    TensorInfo scale = parts.getLast();
    Shape shape = weight.shape();
    if (shape.rank() < 2) {
      throw FormatException.of(
          "tensor %s: F8_E4M3 of shape %s (expected a matrix)", weight.name(), shape);
    }
    Shape expected = scales(shape);
    if (!scale.shape().equals(expected)) {
      throw FormatException.of(
          "tensor %s: shape %s (expected %s: %s has the shape %s, and config.json says blocks of %d ×"
              + " %d)",
          scale.name(), scale.shape(), expected, weight.name(), shape, rows, columns);
    }
    return shape;
  }

  /// The shape of the scales of a matrix, or of several.
  public Shape scales(Shape weights) {
    List<Long> dimensions = new ArrayList<>(weights.dimensions());
    int height = dimensions.size() - 2;
    dimensions.set(height, blocks(dimensions.get(height), rows));
    dimensions.set(height + 1, blocks(dimensions.get(height + 1), columns));
    return new Shape(dimensions);
  }

  private static long blocks(long extent, int size) {
    return (extent + size - 1) / size;
  }

  @Override
  public void decode(List<TensorData> parts, MemorySegment target) {
    TensorData weight = parts.getFirst();
    float[] scales = Numbers.floats(parts.getLast());
    List<Long> dimensions = weight.info().shape().dimensions();
    long width = dimensions.getLast();
    long height = dimensions.get(dimensions.size() - 2);
    long across = blocks(width, columns);
    long lines = width == 0 ? 0 : weight.bytes().byteSize() / width;
    for (long line = 0; line < lines; line++) {
      long blockRow = line / height * blocks(height, rows) + line % height / rows;
      for (long block = 0; block < across; block++) {
        float scale = scales[Math.toIntExact(blockRow * across + block)];
        long end = Math.min(width, (block + 1) * columns);
        for (long column = block * columns; column < end; column++) {
          long index = line * width + column;
          float value = Fp8.decode(weight.bytes().get(JAVA_BYTE, index)) * scale;
          Mxfp4.put(target, index, value);
        }
      }
    }
  }

  @Override
  public long linesAtOnce(TensorInfo matrix) {
    return rows;
  }

  @Override
  public List<TensorData> lines(List<TensorData> matrix, long first, long count) {
    return List.of(
        matrix.getFirst().rows(first, count),
        matrix.getLast().rows(first / rows, blocks(count, rows)));
  }

  @Override
  public boolean isFinite(int place, TensorData part) {
    if (place > 0) {
      return Numbers.areFinite(part);
    }
    boolean finite = true;
    for (long i = 0; i < part.bytes().byteSize(); i++) {
      finite &= (part.bytes().get(JAVA_BYTE, i) & Fp8.NOT_A_NUMBER) != Fp8.NOT_A_NUMBER;
    }
    return finite;
  }

  /// A matrix in this encoding.
  ///
  /// @param codes [Fp8] codes `[height · width]`, row-major; not copied
  /// @param scales `[⌈height / rows⌉ · ⌈width / columns⌉]`; not copied
  public record Encoded(byte[] codes, float[] scales) {}

  /// Encodes a matrix: the scale of a block is its largest magnitude divided by 448, or 1 where all
  /// is zero, and each element becomes the nearest code. So an element is off by at most the larger
  /// of 1/16 of its own magnitude and `scale · 2^-10`.
  ///
  /// @param values finite numbers `[height · width]`, row-major
  public Encoded encode(float[] values, int height, int width) {
    Checks.require(
        values.length == Math.multiplyExact(height, width),
        "%d values for a matrix of %d x %d",
        values.length,
        height,
        width);
    int across = Math.toIntExact(blocks(width, columns));
    float[] scales = new float[Math.toIntExact(blocks(height, rows) * across)];
    for (int i = 0; i < values.length; i++) {
      int block = i / width / rows * across + i % width / columns;
      scales[block] = Math.max(scales[block], Math.abs(values[i]));
    }
    for (int block = 0; block < scales.length; block++) {
      Checks.requireFormat(Float.isFinite(scales[block]), "block %d: a value is not finite", block);
      scales[block] = scales[block] == 0 ? 1 : Math.max(scales[block] / Fp8.MAX, Float.MIN_NORMAL);
    }
    byte[] codes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      int block = i / width / rows * across + i % width / columns;
      codes[i] = Fp8.encode(values[i] / scales[block]);
    }
    return new Encoded(codes, scales);
  }
}
