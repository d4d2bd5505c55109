package io.moepress.recipes.recipe;

/// Makes a method from the options in a step of a recipe.
///
/// @param <M> the kind of method, such as [io.moepress.recipes.plan.PruneMethod]
@FunctionalInterface
public interface MethodBinder<M> {
  /// Reads the method's own options from the map of the step. The keys that all steps of the kind
  /// share (`method`, `keep`, …) stand in the same map and are none of the binder's business.
  ///
  /// An [IllegalArgumentException] is reported with the line of the step.
  ///
  /// @param step a map; for a baseline, one without keys
  /// @param seed of the recipe, for methods that draw lots and are given no seed of their own
  M bind(YamlNode step, long seed);
}
