package io.moepress.recipes.gguf;

import io.moepress.formats.FormatException;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufTensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/// A weighted sum of slices of a tensor, `Σ_i w_i · t_i + c`, in the type of the tensor: they are
/// decoded, added up in double precision in their order, rounded to float32 once, and encoded. A
/// few rows are in memory at a time.
///
/// @param tensor all slices, one behind the other
/// @param slices indices along the outermost axis
/// @param weights one for each
/// @param offset `c`
record SliceMixture(
    GgufFile file,
    GgufTensorInfo tensor,
    List<Integer> slices,
    List<Double> weights,
    double offset) {
  /// Elements that are added up together, unless a row has more.
  private static final long AT_ONCE = 1L << 18;

  SliceMixture {
    slices = List.copyOf(slices);
    weights = List.copyOf(weights);
  }

  /// Whether it is a slice as it is.
  boolean isCopy() {
    return slices.size() == 1 && weights.getFirst() == 1 && offset == 0;
  }

  /// Takes the bytes of the sum, piece by piece and in order.
  interface Sink {
    /// Takes the next piece, which is valid during the call.
    void accept(MemorySegment bytes) throws IOException;
  }

  void stream(Sink sink) throws IOException {
    long elements = tensor.shape().elementCount() / tensor.shape().dimension(0);
    int width = Math.toIntExact(Math.min(tensor.width(), elements));
    long rows = elements / width;
    long step = Math.max(1, AT_ONCE / width);
    for (long row = 0; row < rows; row += step) {
      int count = Math.toIntExact(Math.min(step, rows - row) * width);
      sink.accept(encoded(width, row, sum(row * width, count)));
    }
  }

  private float[] sum(long first, int count) throws IOException {
    double[] sums = new double[count];
    Arrays.fill(sums, offset);
    long begin = tensor.type().bytes(first);
    long length = tensor.type().bytes(count);
    for (int term = 0; term < slices.size(); term++) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment slice = file.readSlices(tensor.name(), slices.get(term), 1, arena);
        float[] values = encoding().decode(slice.asSlice(begin, length));
        for (int i = 0; i < count; i++) {
          sums[i] += weights.get(term) * values[i];
        }
      }
    }
    float[] rounded = new float[count];
    for (int i = 0; i < count; i++) {
      rounded[i] = (float) sums[i];
    }
    return rounded;
  }

  private MemorySegment encoded(int width, long row, float[] values) {
    try {
      return encoding().encode(WeightRows.of(tensor.name(), row, width, values));
    } catch (IllegalArgumentException e) {
      throw new FormatException("tensor " + e.getMessage(), e); // a sum that is too large
    }
  }

  private BlockEncoding encoding() {
    return BlockEncoding.named(tensor.type().name())
        .orElseThrow(() ->
            FormatException.of(
                "%s: tensor %s: type %s cannot be encoded, so its experts cannot be merged. Convert"
                    + " the merged checkpoint.",
                file.path(), tensor.name(), tensor.type()));
  }
}
