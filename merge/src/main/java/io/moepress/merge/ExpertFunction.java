package io.moepress.merge;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.Gating;
import io.moepress.recipes.linear.LinearAlgebra;

/// What experts do with inputs, in float64. Biases of experts are left out: it serves to compare
/// experts, not to run a model.
///
/// @param algebra for the products
/// @param gating how gate and up projection are joined
record ExpertFunction(LinearAlgebra algebra, Gating gating) {

  /// What the neurons hand to the down projection, `[width, tokens]`.
  ///
  /// @param inputs `[tokens, hidden]`
  double[] neurons(ExpertWeights expert, double[] inputs) {
    double[] gate = against(expert.get(Projection.GATE), expert.hidden(), inputs);
    double[] up = against(expert.get(Projection.UP), expert.hidden(), inputs);
    for (int i = 0; i < gate.length; i++) {
      gate[i] = joined(gate[i], up[i]);
    }
    return gate;
  }

  /// What a matrix makes of inputs, `[rows, tokens]`.
  ///
  /// @param matrix `[rows, hidden]`
  /// @param inputs `[tokens, hidden]`
  double[] against(double[] matrix, int hidden, double[] inputs) {
    return algebra.productTransposed(
        matrix, inputs, matrix.length / hidden, hidden, inputs.length / hidden);
  }

  private double joined(double gate, double up) {
    return switch (gating.activation()) {
      case SILU -> gate / (1 + Math.exp(-gate)) * up;
      case CLAMPED_SILU -> {
        double bounded = Math.min(gate, gating.limit());
        double other = Math.clamp(up, -gating.limit(), gating.limit());
        yield bounded / (1 + Math.exp(-gating.slope() * bounded)) * (other + 1);
      }
    };
  }

  /// The outputs, `[hidden, tokens]`.
  ///
  /// @param inputs `[tokens, hidden]`
  double[] outputs(ExpertWeights expert, double[] inputs) {
    int tokens = inputs.length / expert.hidden();
    return algebra.product(
        expert.get(Projection.DOWN),
        neurons(expert, inputs),
        expert.hidden(),
        expert.width(),
        tokens);
  }
}
