package io.moepress.calibrate.measure;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.CalibratedQuantization.Codes;
import io.moepress.recipes.plan.CalibratedQuantization.Weights;
import io.moepress.recipes.plan.LayerCodes.Raised;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Finds the codes of linear maps that read the same vector.
///
/// @param model whose weights
/// @param method finds codes
/// @param parts what the codes of a matrix are
record CodeFinder(MoeModel model, CalibratedQuantization method, Function<TensorId, Part> parts) {

  /// What was found.
  ///
  /// @param words of each matrix
  /// @param raised where the damping had to be raised
  /// @param loss of all matrices together
  record Found(Map<TensorId, int[]> words, List<Raised> raised, double loss) {}

  /// Finds them.
  ///
  /// @param maps of one expert or of none; there may be none at all
  /// @param hessian of what they read
  Found find(List<TensorId> maps, LinearInput input, double[] hessian) throws IOException {
    Map<TensorId, int[]> words = new HashMap<>();
    if (maps.isEmpty()) {
      return new Found(words, List.of(), 0);
    }
    List<Codes> codes = method.encode(weights(maps), hessian);
    double loss = 0;
    for (int i = 0; i < maps.size(); i++) {
      words.put(maps.get(i), codes.get(i).matrix().words());
      loss += codes.get(i).loss();
    }
    Codes first = codes.getFirst();
    List<Raised> raised =
        first.retries() == 0
            ? List.of()
            : List.of(new Raised(maps.getFirst().expert(), input, first.damping()));
    return new Found(words, raised, loss);
  }

  private List<Weights> weights(List<TensorId> maps) throws IOException {
    List<Weights> weights = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      for (TensorId id : maps) {
        TensorData data = model.read(id, arena);
        int rows = Math.toIntExact(model.info(id).shape().dimension(0));
        weights.add(
            new Weights(
                Numbers.floats(data),
                rows,
                parts.apply(id).scheme(id.expert()),
                model.info(id).dtype()));
      }
    }
    return weights;
  }

  /// Number of inputs of a matrix.
  int columns(TensorId id) {
    return Math.toIntExact(model.info(id).shape().dimension(1));
  }
}
