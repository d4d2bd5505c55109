package io.moepress.prune;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.tensor.Numbers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;

/// Reads the rows of a layer's router, one for each expert.
final class RouterRows {
  private RouterRows() {}

  /// The rows, `[E, H]`.
  static float[][] read(MoeModel model, TensorId router) throws IOException {
    int experts = Math.toIntExact(model.info(router).shape().dimension(0));
    try (Arena arena = Arena.ofConfined()) {
      float[] all = Numbers.floats(model.read(router, arena));
      float[][] rows = new float[experts][];
      int width = all.length / experts;
      Arrays.setAll(rows, row -> Arrays.copyOfRange(all, row * width, (row + 1) * width));
      return rows;
    }
  }
}
