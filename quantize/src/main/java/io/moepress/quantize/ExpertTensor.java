package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// One of an expert's matrices, and the tensor that holds it.
///
/// @param role of the tensor
/// @param matrix where in it
record ExpertTensor(TensorRole role, ExpertMatrix matrix) {

  /// Those of every expert: gate, up, down.
  static List<ExpertTensor> of(ModelLayout layout) {
    List<ExpertTensor> tensors = new ArrayList<>();
    for (TensorRole role : layout.roles()) {
      ExpertMatrix.in(layout, role).forEach(matrix -> tensors.add(new ExpertTensor(role, matrix)));
    }
    tensors.sort(Comparator.comparing(tensor -> tensor.matrix().projection()));
    return tensors;
  }

  /// Number of elements.
  long weights() {
    return (long) matrix.rows() * matrix.columns();
  }

  /// Reads the matrix of one expert, `[out, in]` row by row.
  ///
  /// @throws io.moepress.formats.FormatException when an element is not finite
  double[] read(MoeModel model, int layer, int expert) throws IOException {
    boolean isOwn = role.scope() == TensorRole.Scope.EXPERT;
    TensorId id = isOwn ? new TensorId(role, layer, expert) : TensorId.ofLayer(role, layer);
    try (Arena arena = Arena.ofConfined()) {
      TensorData data = isOwn ? model.read(id, arena) : model.readSlice(id, expert, arena);
      Checks.requireFormat(
          Numbers.areFinite(data),
          "tensor %s holds numbers that are not finite",
          data.info().name());
      return matrix.read(Numbers.floats(data));
    }
  }
}
