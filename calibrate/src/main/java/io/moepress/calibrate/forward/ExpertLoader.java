package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.WeightLoader.NetworkRoles;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
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
    try (Arena mapping = Arena.ofConfined()) {
      StackedMatrix gateUp = slice(TensorRole.EXPERTS_GATE_UP, storage, layer, expert, mapping);
      StackedMatrix down = slice(TensorRole.EXPERTS_DOWN, storage, layer, expert, mapping);
      return switch (storage.gateUp()) {
        case HALVES ->
            network(
                gateUp.outputs(scope, 0, 1, width),
                gateUp.outputs(scope, width, 1, width),
                down.outputs(scope, 0, 1, hidden));
        case INTERLEAVED ->
            network(
                gateUp.outputs(scope, 0, 2, width),
                gateUp.outputs(scope, 1, 2, width),
                down.outputs(scope, 0, 1, hidden));
      };
    }
  }

  private StackedMatrix slice(
      TensorRole role, Storage storage, int layer, int expert, Arena mapping) throws IOException {
    TensorData slice = model.readSlice(TensorId.ofLayer(role, layer), expert, mapping);
    return new StackedMatrix(slice, storage.orientation());
  }

  /// A network of three weights `[out, in]`.
  private GatedNetwork network(NDArray gate, NDArray up, NDArray down) {
    return new GatedNetwork(
        layout.architecture().activation(),
        new Linear(gate.transpose(), null),
        new Linear(up.transpose(), null),
        new Linear(down.transpose(), null));
  }
}
