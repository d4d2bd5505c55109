package io.moepress.recipes.plan;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// How quantised weights stand in the result.
public enum QuantizedStorage {
  /// As codes and scales, in the layout `pack-quantized` of compressed-tensors.
  COMPRESSED_TENSORS,
  /// As codes and scales, in the layout of GPTQ, whatever found the codes.
  GPTQ,
  /// As the numbers they stand for, in the type that weights had: as large as before, for whoever
  /// wants to know what a scheme costs in quality.
  DECODED;

  /// As in a recipe: `compressed-tensors`.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The storage with this label.
  public static Optional<QuantizedStorage> named(String label) {
    return Arrays.stream(values()).filter(storage -> storage.label().equals(label)).findFirst();
  }

  /// All labels.
  public static List<String> labels() {
    return Arrays.stream(values()).map(QuantizedStorage::label).toList();
  }
}
