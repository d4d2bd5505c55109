package io.moepress.merge;

import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/// The three matrices of one expert, `[out, in]` row by row, however the checkpoint stores them.
///
/// @param matrices by projection
/// @param width number of neurons
/// @param hidden width of the residual stream
record ExpertWeights(Map<Projection, double[]> matrices, int width, int hidden) {

  /// Reads an expert.
  static ExpertWeights read(MoeModel model, int layer, int expert) throws IOException {
    ModelLayout layout = model.layout();
    Map<Projection, double[]> matrices = new EnumMap<>(Projection.class);
    int width = 0;
    int hidden = 0;
    for (TensorRole role : layout.roles()) {
      if (role.isExpert()) {
        float[] values = values(model, role, layer, expert);
        for (ExpertMatrix matrix : ExpertMatrix.in(layout, role)) {
          matrices.put(matrix.projection(), matrix.read(values));
          width = matrix.projection().hasNeuronsAsRows() ? matrix.rows() : matrix.columns();
          hidden = matrix.projection().hasNeuronsAsRows() ? matrix.columns() : matrix.rows();
        }
      }
    }
    return new ExpertWeights(matrices, width, hidden);
  }

  private static float[] values(MoeModel model, TensorRole role, int layer, int expert)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TensorData data =
          role.scope() == TensorRole.Scope.EXPERT
              ? model.read(new TensorId(role, layer, expert), arena)
              : model.readSlice(TensorId.ofLayer(role, layer), expert, arena);
      return Numbers.floats(data);
    }
  }

  /// A matrix, not copied.
  double[] get(Projection projection) {
    return Objects.requireNonNull(matrices.get(projection));
  }

  /// The down projection turned round, a row for each neuron, `[width, hidden]`.
  double[] downByNeuron() {
    double[] down = get(Projection.DOWN);
    double[] turned = new double[down.length];
    for (int neuron = 0; neuron < width; neuron++) {
      for (int i = 0; i < hidden; i++) {
        turned[neuron * hidden + i] = down[i * width + neuron];
      }
    }
    return turned;
  }
}
