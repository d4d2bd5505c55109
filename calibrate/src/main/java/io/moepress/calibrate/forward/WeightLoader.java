package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Mapped;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Reads the weights of a model by role into a scope.
///
/// @param model where they are
record WeightLoader(MoeModel model) {
  private static final double DEFAULT_EPSILON = 1e-6;

  /// What the floats of a part may take.
  static final long MAX_PART_BYTES = 256L << 20;

  /// A norm with the model's own epsilon.
  RmsNorm norm(TorchScope scope, TensorId id) throws IOException {
    double epsilon = model.layout().number("config.rms_norm_eps").orElse(DEFAULT_EPSILON);
    return norm(scope, id, epsilon);
  }

  RmsNorm norm(TorchScope scope, TensorId id, double epsilon) throws IOException {
    return new RmsNorm(weight(scope, id), (float) epsilon);
  }

  /// A linear map without bias.
  Linear linear(TorchScope scope, TensorId weight) throws IOException {
    return new Linear(weight(scope, weight).transpose(), null);
  }

  /// A linear map in parts, each of some consecutive outputs.
  List<Linear> parts(TorchScope scope, TensorId weight) throws IOException {
    List<Linear> parts = new ArrayList<>();
    forEachPart(weight, MAX_PART_BYTES, rows -> parts.add(linear(scope, rows)));
    return parts;
  }

  /// Hands on consecutive rows of a matrix, part after part. They are valid during the call.
  ///
  /// @param bytes that the floats of a part may take, unless a row has more
  void forEachPart(TensorId matrix, long bytes, Consumer<TensorData> part) throws IOException {
    try (Arena mapping = Arena.ofConfined()) {
      TensorData whole = model.read(matrix, mapping);
      long rows = whole.info().shape().dimension(0);
      long bytesPerRow = whole.info().shape().dimension(1) * Float.BYTES;
      long step = Math.max(1, bytes / bytesPerRow);
      for (long first = 0; first < rows; first += step) {
        TensorData some = whole.rows(first, Math.min(step, rows - first));
        part.accept(some);
        Mapped.rest(some.bytes());
      }
    }
  }

  /// The linear map of some rows of a matrix.
  static Linear linear(TorchScope scope, TensorData rows) {
    return new Linear(scope.weight(rows).transpose(), null);
  }

  /// A linear map of a layer with a bias, where the checkpoint has one.
  Linear linear(TorchScope scope, int layer, TensorRole weight, TensorRole bias)
      throws IOException {
    TensorId biasId = TensorId.ofLayer(bias, layer);
    @Nullable NDArray biasArray = model.inventory().has(biasId) ? weight(scope, biasId) : null;
    NDArray matrix = weight(scope, TensorId.ofLayer(weight, layer));
    return new Linear(matrix.transpose(), biasArray);
  }

  /// A gated network of a layer.
  ///
  /// @param roles of its gate, up and down projections
  /// @param expert routed expert, or [TensorId#NONE]
  GatedNetwork network(TorchScope scope, NetworkRoles roles, int layer, int expert)
      throws IOException {
    return new GatedNetwork(
        Gating.of(model.layout()),
        linear(scope, new TensorId(roles.gate(), layer, expert)),
        linear(scope, new TensorId(roles.up(), layer, expert)),
        linear(scope, new TensorId(roles.down(), layer, expert)));
  }

  /// The roles of the three tensors of a gated network.
  record NetworkRoles(TensorRole gate, TensorRole up, TensorRole down) {}

  /// The numbers of a small tensor; none where the checkpoint has no such tensor.
  float[] values(TensorId id) throws IOException {
    if (!model.inventory().has(id)) {
      return new float[0];
    }
    try (Arena mapping = Arena.ofConfined()) {
      return Numbers.floats(model.read(id, mapping));
    }
  }

  NDArray weight(TorchScope scope, TensorId id) throws IOException {
    try (Arena mapping = Arena.ofConfined()) {
      return scope.weight(model.read(id, mapping));
    }
  }
}
