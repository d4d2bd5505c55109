package io.moepress.recipes.apply;

import io.moepress.recipes.plan.PlanArray;
import java.util.LinkedHashMap;
import java.util.Map;

/// The numbers of the arrays that tensor programs used last: the tensors of a layer use the same
/// few, one after the other, and reading one checks all of it. Safe for several threads.
final class RecentArrays {
  /// A layer's arrays, of two neighbouring layers.
  private static final int KEPT = 12;

  private final Map<PlanArray, float[]> recent = new LinkedHashMap<>(KEPT, 1, true);

  /// The numbers of an array; not copied, do not change.
  synchronized float[] floats(PlanArray array) {
    float[] numbers = recent.get(array);
    if (numbers == null) {
      numbers = array.floats();
      recent.put(array, numbers);
      if (recent.size() > KEPT) {
        recent.remove(recent.keySet().iterator().next());
      }
    }
    return numbers;
  }
}
