package io.moepress.recipes.gguf;

import java.util.List;

/// Chooses types within a size.
@FunctionalInterface
public interface TypeChooser {

  /// A matrix.
  ///
  /// @param units how large it is, in blocks of 32 weights
  /// @param sizes bytes of 256 weights in each of its types, ascending
  /// @param costs of each of its types
  record Matrix(long units, List<Integer> sizes, List<Double> costs) {
    public Matrix {
      sizes = List.copyOf(sizes);
      costs = List.copyOf(costs);
    }
  }

  /// The place of the type of each matrix.
  ///
  /// @param capacity of the sizes of all units together
  List<Integer> choose(List<Matrix> matrices, long capacity);
}
