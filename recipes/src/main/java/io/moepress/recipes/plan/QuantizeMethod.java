package io.moepress.recipes.plan;

/// A published way to find the codes of quantised weights.
///
/// An implementation is a record: its components are the method's options, its compact constructor
/// checks them, and its Javadoc holds the formula and the source.
public interface QuantizeMethod {

  /// The name by which a recipe asks for the method, such as `round-to-nearest`.
  String name();
}
