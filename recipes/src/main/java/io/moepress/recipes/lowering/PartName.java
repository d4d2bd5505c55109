package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;

/// Names of the tensors that weights are stored as: `….weight_packed` and `….qweight` both belong
/// to `….weight`.
final class PartName {
  private static final String WEIGHT = ".weight";

  private PartName() {}

  /// The name that a part has when its weight is another expert's.
  ///
  /// @param part its name now
  /// @param whole what it is a part of
  static String of(ModelLayout layout, String part, TensorId whole, int expert) {
    String stem = stem(layout.name(whole));
    Checks.require(part.startsWith(stem), "tensor %s is no part of %s", part, stem);
    String other = stem(layout.name(new TensorId(whole.role(), whole.layer(), expert)));
    return other + part.substring(stem.length());
  }

  private static String stem(String weight) {
    return weight.endsWith(WEIGHT)
        ? weight.substring(0, weight.length() - WEIGHT.length())
        : weight;
  }
}
