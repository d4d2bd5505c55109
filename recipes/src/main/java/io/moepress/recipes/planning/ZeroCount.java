package io.moepress.recipes.planning;

import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.SparsifyWeights.Part;
import java.util.List;

/// How many weights steps set to zero.
///
/// @param zeros so many, or more where there were zeros before
/// @param weights how many there are in scope
record ZeroCount(long zeros, long weights) {

  /// Counts, from shapes alone.
  static ZeroCount of(MoeModel model, LinearScope scope, List<SparsifyWeights> steps) {
    long weights = 0;
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      for (TensorId id : scope.in(model, layer)) {
        weights += LinearShape.of(model, id).weights();
      }
    }
    long zeros = 0;
    for (SparsifyWeights step : steps) {
      for (TensorId id : scope.in(model, step.layer())) {
        for (Part part : step.parts()) {
          zeros += part.linears().contains(id.role()) ? zeros(model, id, part) : 0;
        }
      }
    }
    return new ZeroCount(zeros, weights);
  }

  private static long zeros(MoeModel model, TensorId id, Part part) {
    LinearShape shape = LinearShape.of(model, id);
    long matrices = shape.matrices();
    if (shape.stacked() != null) {
      matrices -= part.dense().size();
    } else if (part.dense().contains(id.expert())) {
      matrices = 0;
    }
    return matrices * shape.outputs() * part.pattern().zerosOfRow(Math.toIntExact(shape.inputs()));
  }
}
