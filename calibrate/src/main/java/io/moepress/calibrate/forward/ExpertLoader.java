package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.WeightLoader.NetworkRoles;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Optional;

/// Reads the network of one routed expert, in whichever way the checkpoint stores it. Of a tensor
/// that holds all experts of a layer, only this expert's slice is read.
final class ExpertLoader {
  private static final NetworkRoles SEPARATE =
      new NetworkRoles(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP, TensorRole.EXPERT_DOWN);

  private final MoeModel model;
  private final ModelLayout layout;
  private final WeightLoader weights;

  ExpertLoader(MoeModel model, WeightLoader weights) {
    this.model = model;
    this.layout = model.layout();
    this.weights = weights;
  }

  GatedNetwork load(TorchScope scope, int layer, int expert) throws IOException {
    Optional<Storage> storage = layout.storage();
    return storage.isEmpty()
        ? weights.network(scope, SEPARATE, layer, expert)
        : stacked(scope, storage.get(), layer, expert);
  }

  private GatedNetwork stacked(TorchScope scope, Storage storage, int layer, int expert)
      throws IOException {
    int width = layout.dimension(Dimension.EXPERT_WIDTH);
    int hidden = layout.dimension(Dimension.HIDDEN);
    float[] gateUpBias = slice(TensorRole.EXPERTS_GATE_UP_BIAS, layer, expert);
    float[] downBias = slice(TensorRole.EXPERTS_DOWN_BIAS, layer, expert);
    try (Arena mapping = Arena.ofConfined()) {
      StackedMatrix gateUp = slice(TensorRole.EXPERTS_GATE_UP, storage, layer, expert, mapping);
      StackedMatrix down = slice(TensorRole.EXPERTS_DOWN, storage, layer, expert, mapping);
      Outputs whole = new Outputs(0, 1, hidden);
      return switch (storage.gateUp()) {
        case HALVES ->
            new GatedNetwork(
                Gating.of(layout),
                linear(scope, gateUp, gateUpBias, new Outputs(0, 1, width)),
                linear(scope, gateUp, gateUpBias, new Outputs(width, 1, width)),
                linear(scope, down, downBias, whole));
        case INTERLEAVED ->
            new GatedNetwork(
                Gating.of(layout),
                linear(scope, gateUp, gateUpBias, new Outputs(0, 2, width)),
                linear(scope, gateUp, gateUpBias, new Outputs(1, 2, width)),
                linear(scope, down, downBias, whole));
      };
    }
  }

  private StackedMatrix slice(
      TensorRole role, Storage storage, int layer, int expert, Arena mapping) throws IOException {
    TensorData slice = model.readSlice(TensorId.ofLayer(role, layer), expert, mapping);
    return new StackedMatrix(slice, storage.orientation());
  }

  /// One expert's slice of biases; of length 0 where the checkpoint has none.
  private float[] slice(TensorRole role, int layer, int expert) throws IOException {
    TensorId id = TensorId.ofLayer(role, layer);
    if (!model.inventory().has(id)) {
      return new float[0];
    }
    try (Arena mapping = Arena.ofConfined()) {
      return Numbers.floats(model.readSlice(id, expert, mapping));
    }
  }

  /// The outputs `first`, `first + step`, ..., `count` of them.
  private record Outputs(int first, int step, int count) {}

  private static Linear linear(
      TorchScope scope, StackedMatrix matrix, float[] bias, Outputs outputs) {
    int count = outputs.count();
    NDArray weight = matrix.outputs(scope, outputs.first(), outputs.step(), count);
    if (bias.length == 0) {
      return new Linear(weight.transpose(), null);
    }
    float[] chosen = new float[count];
    for (int i = 0; i < count; i++) {
      chosen[i] = bias[outputs.first() + i * outputs.step()];
    }
    return new Linear(weight.transpose(), scope.copy(chosen, count));
  }
}
