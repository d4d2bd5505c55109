package io.moepress.recipes.evidence;

import java.io.IOException;

/// Where a layer's evidence goes as soon as the layer was measured, so that the large parts of all
/// layers need not be in memory together.
@FunctionalInterface
public interface LayerKeeper {
  /// Keeps everything in memory.
  LayerKeeper IN_MEMORY = (layer, measured) -> measured;

  /// Keeps one layer.
  ///
  /// @param layer decoder layer index
  /// @param measured the layer with everything in memory
  /// @return the same evidence, with large parts that may lie elsewhere
  Evidence.Layer keep(int layer, Evidence.Layer measured) throws IOException;

  /// Keeps what was gathered of the linear maps of one layer.
  ///
  /// @return the same, which may lie elsewhere
  default LinearSums keep(int layer, LinearSums measured) throws IOException {
    return measured;
  }
}
