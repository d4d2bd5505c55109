package io.moepress.recipes.plan;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import java.util.List;
import java.util.stream.IntStream;

/// What a [SparsityMethod] is asked.
///
/// @param model the weights, read only
/// @param evidence what calibration saw of the model as it is; without anything gathered for a
///   method that does not compare layers
/// @param pattern how many weights shall be zero, all layers together
/// @param options what the recipe asks besides
public record SparsityRequest(
    MoeModel model, Evidence evidence, ZeroPattern pattern, SparsityOptions options) {

  /// The decoder layers that have weights in scope, ascending.
  public List<Integer> layers() {
    return IntStream.range(0, model.layout().layers())
        .filter(layer -> !options.scope().in(model, layer).isEmpty())
        .boxed()
        .toList();
  }
}
