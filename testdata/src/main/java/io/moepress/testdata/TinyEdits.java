package io.moepress.testdata;

import java.util.SortedMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// What edits are made of; a tensor that is not there is the caller's mistake.
final class TinyEdits {

  private TinyEdits() {}

  /// Replaces a tensor.
  static TinyEdit replace(String name, UnaryOperator<TinyTensor> change) {
    return (moe, tensors) -> tensors.put(name, change.apply(get(tensors, name)));
  }

  static TinyTensor get(SortedMap<String, TinyTensor> tensors, String name) {
    return present(tensors.get(name), name);
  }

  static TinyTensor take(SortedMap<String, TinyTensor> tensors, String name) {
    return present(tensors.remove(name), name);
  }

  private static TinyTensor present(@Nullable TinyTensor tensor, String name) {
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor " + name + " in this tiny model");
    }
    return tensor;
  }
}
