package io.moepress.formats.encoding;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// What Q2_K, Q4_K and Q5_K have in common: 256 weights in sub-blocks, each with a scale and an
/// offset, which are themselves codes: `x = (d · s) · q − (dmin · m)`.
///
/// Encoding: [OffsetSearch] finds a scale and an offset for every sub-block; `d` and `dmin` make
/// the largest of them the highest code, or with importance are found by [PositiveSearch]. Then
/// every weight is encoded anew with the stored numbers: `q` nearest to `(x + dmin · m) / (d · s)`.
abstract class OffsetSuperBlockCodec extends BlockCodec {
  static final int SIZE = 256;

  /// What differs.
  ///
  /// @param bytes of a block
  /// @param scaleAt where `d` stands; `dmin` follows
  /// @param length weights in a sub-block
  /// @param highestScale code of a scale or an offset
  /// @param energy how often the mean square of the block counts in the weights with importance
  /// @param tries without importance
  record Layout(
      int bytes,
      int scaleAt,
      int length,
      int highestScale,
      float energy,
      OffsetSearch.Tries tries) {

    int subBlocks() {
      return SIZE / length;
    }

    OffsetSearch search(float @Nullable [] importance) {
      OffsetSearch.Tries important =
          new OffsetSearch.Tries(tries.highest(), -0.9f, 0.05f, 36, false);
      return new OffsetSearch(length, importance == null ? tries : important);
    }
  }

  /// The codes of a block.
  record Codes(int[] weights, int[] scales, int[] offsets) {

    static Codes empty(int subBlocks) {
      return new Codes(new int[SIZE], new int[subBlocks], new int[subBlocks]);
    }
  }

  private final Layout layout;

  OffsetSuperBlockCodec(Layout layout) {
    super(SIZE, layout.bytes);
    this.layout = layout;
  }

  /// How much an error counts without importance.
  abstract void weigh(WeightRows rows, int first, float[] target);

  /// Packs all codes; `target` holds zeros.
  abstract void write(Codes codes, byte[] target, int at);

  abstract void read(byte[] source, int at, Codes codes);

  @Override
  void encode(WeightRows rows, byte[] target) {
    float[] importance = rows.importance();
    OffsetSearch search = layout.search(importance);
    var batches = new Batches(rows, SIZE, search.blocks());
    Batches.Weighing weighing =
        importance == null
            ? (first, weights) -> weigh(rows, first, weights)
            : batches.weighByBlock(layout.energy, importance);
    Codes codes = Codes.empty(layout.subBlocks());
    while (batches.fill(weighing)) {
      search.run();
      for (int run = 0; run < search.blocks().count(); run += layout.subBlocks()) {
        encode(new Found(rows, batches, search, run), codes, target);
      }
    }
  }

  /// What was found for a block, from sub-block `run` of the batch on.
  private record Found(WeightRows rows, Batches batches, OffsetSearch search, int run) {}

  private void encode(Found found, Codes codes, byte[] target) {
    int count = layout.subBlocks();
    float[] scales = new float[count];
    float[] offsets = new float[count];
    float[] sums = new float[count];
    for (int j = 0; j < count; j++) {
      scales[j] = found.search.scale(found.run + j);
      offsets[j] = found.search.offset(found.run + j);
      sums[j] = found.batches.sum(found.run + j);
    }
    int first = found.batches.first() + found.run * layout.length;
    int at = first / SIZE * bytesPerBlock();
    boolean important = found.rows.importance() != null;
    float step = important ? fitted(scales, sums, codes.scales) : step(scales, codes.scales);
    float offsetStep =
        important ? fitted(offsets, sums, codes.offsets) : step(offsets, codes.offsets);
    short half = found.rows.half(step, first);
    short offsetHalf = found.rows.half(offsetStep, first);
    float[] stored = {Float.float16ToFloat(half), Float.float16ToFloat(offsetHalf)};
    for (int j = 0; j < count; j++) {
      encode(found, j, stored, codes);
    }
    write(codes, target, at);
    Bytes.putShort(target, at + layout.scaleAt, half);
    Bytes.putShort(target, at + layout.scaleAt + 2, offsetHalf);
  }

  private float fitted(float[] values, float[] weights, int[] codes) {
    return PositiveSearch.step(values, weights, layout.highestScale, codes);
  }

  private float step(float[] values, int[] codes) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    if (largest <= 0) {
      Arrays.fill(codes, 0);
      return 0;
    }
    float inverse = layout.highestScale / largest;
    for (int j = 0; j < codes.length; j++) {
      codes[j] = Rounding.nearest(inverse * values[j], 0, layout.highestScale);
    }
    return largest / layout.highestScale;
  }

  /// A sub-block whose stored scale is zero keeps the codes of the search.
  private void encode(Found found, int j, float[] stored, Codes codes) {
    float scale = stored[0] * codes.scales[j];
    int start = j * layout.length;
    if (scale == 0) {
      found.search.codes(found.run + j, codes.weights, start);
      return;
    }
    float[] values = found.rows.values();
    int first = found.batches.first() + (found.run + j) * layout.length;
    float offset = stored[1] * codes.offsets[j];
    int highest = layout.tries.highest();
    for (int i = 0; i < layout.length; i++) {
      codes.weights[start + i] = Rounding.nearest((values[first + i] + offset) / scale, 0, highest);
    }
  }

  @Override
  void decodeBlock(byte[] source, int at, float[] values, int first) {
    Codes codes = Codes.empty(layout.subBlocks());
    read(source, at, codes);
    float step = Bytes.getHalf(source, at + layout.scaleAt);
    float offsetStep = Bytes.getHalf(source, at + layout.scaleAt + 2);
    for (int j = 0; j < layout.subBlocks(); j++) {
      float scale = step * codes.scales[j];
      float offset = offsetStep * codes.offsets[j];
      int start = j * layout.length;
      for (int i = start; i < start + layout.length; i++) {
        values[first + i] = scale * codes.weights[i] - offset;
      }
    }
  }
}
