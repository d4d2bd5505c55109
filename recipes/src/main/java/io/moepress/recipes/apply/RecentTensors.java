package io.moepress.recipes.apply;

import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The tensors that were made last, as wholes: whoever wants one in pieces asks for one piece after
/// the other. Safe for several threads; two that want the same tensor wait for one another.
final class RecentTensors {
  /// One that is being read in pieces, and the next one, for each of a few threads.
  private static final int KEPT = 4;

  private final Map<String, Made> recent = new LinkedHashMap<>(KEPT, 1, true);

  /// Makes a tensor.
  interface Maker {
    /// Makes it; `arena` owns the bytes.
    TensorData make(Arena arena) throws IOException;
  }

  /// A tensor that may not be made yet.
  private static final class Made {
    private @Nullable TensorData tensor;

    synchronized TensorData get(Maker maker) throws IOException {
      if (tensor == null) {
        tensor = maker.make(Arena.ofAuto());
      }
      return tensor;
    }
  }

  /// A tensor; do not change it.
  TensorData get(String name, Maker maker) throws IOException {
    return made(name).get(maker);
  }

  private synchronized Made made(String name) {
    Made made = recent.computeIfAbsent(name, ignored -> new Made());
    if (recent.size() > KEPT) {
      recent.remove(recent.keySet().iterator().next());
    }
    return made;
  }
}
