package io.moepress.recipes.plan;

import java.io.IOException;
import java.util.SortedMap;

/// A published way to decide how many weights of each layer become zero, and by what they are
/// chosen.
///
/// An implementation is a record: its components are the method's options, its compact constructor
/// checks them, its Javadoc holds the formula and the source, and [#patterns] is a pure function.
public interface SparsityMethod {

  /// The name by which a recipe asks for the method, such as `wanda`.
  String name();

  /// Makes sure that it can work towards a pattern.
  ///
  /// @throws IllegalArgumentException when it cannot
  default void requireTaken(ZeroPattern pattern) {}

  /// Whether weights are chosen by what the linear maps read, and not by their magnitude alone.
  default boolean readsInputs() {
    return true;
  }

  /// Whether [#patterns] has to see the model as it is, and what it reads, before any layer is
  /// changed.
  default boolean comparesLayers() {
    return false;
  }

  /// The pattern of each decoder layer that has weights in the scope of the request.
  SortedMap<Integer, ZeroPattern> patterns(SparsityRequest request) throws IOException;
}
