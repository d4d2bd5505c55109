package io.moepress.recipes.plan;

/// Decides which experts of a layer stay.
///
/// An implementation is a record whose components are the method's options.
public interface PruneMethod {
  /// The name by which a recipe asks for the method, such as `easy-ep`.
  String name();
}
