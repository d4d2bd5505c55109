package io.moepress.formats.architecture;

import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.lowprecision.StoredTensors;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Tensors of a checkpoint whose names differ in nothing but the layer and the expert.
///
/// @param name with `{layer}` and `{expert}` in the place of numbers
/// @param layers the layers that have them; empty where the name holds none
/// @param shapes their shapes as texts, sorted
/// @param shape one of them
record TensorPattern(String name, SortedSet<Integer> layers, Set<String> shapes, Shape shape) {
  private static final Pattern LAYER = Pattern.compile("^([^0-9]*?\\.)(\\d{1,6})(\\..*)$");
  private static final Pattern EXPERT = Pattern.compile("(\\.experts\\.)\\d{1,6}(\\.)");

  /// The patterns of a checkpoint, by name. Tensors in low precision count as what they stand for.
  static List<TensorPattern> of(Checkpoint checkpoint) {
    SortedMap<String, TensorPattern> patterns = new TreeMap<>();
    Map<String, TensorInfo> tensors = StoredTensors.of(checkpoint).tensors();
    for (Map.Entry<String, TensorInfo> entry : tensors.entrySet()) {
      Matcher layer = LAYER.matcher(entry.getKey());
      boolean inLayer = layer.matches();
      String name = inLayer ? layer.group(1) + "{layer}" + layer.group(3) : entry.getKey();
      String numbered = EXPERT.matcher(name).replaceFirst("$1{expert}$2");
      Shape shape = entry.getValue().shape();
      TensorPattern pattern =
          patterns.computeIfAbsent(
              numbered, key -> new TensorPattern(key, new TreeSet<>(), new TreeSet<>(), shape));
      pattern.shapes().add(shape.toString());
      if (inLayer) {
        pattern.layers().add(Integer.valueOf(layer.group(2)));
      }
    }
    return new ArrayList<>(patterns.values());
  }

  /// The same without layers from `end` on.
  TensorPattern before(int end) {
    return new TensorPattern(name, new TreeSet<>(layers.headSet(end)), shapes, shape);
  }

  @Override
  public String toString() {
    return name + " " + String.join(" or ", shapes);
  }
}
