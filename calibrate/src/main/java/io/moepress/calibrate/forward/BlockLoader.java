package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.forward.GroupedQueryAttention.Heads;
import io.moepress.calibrate.forward.GroupedQueryAttention.Positions;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.Architecture.Window;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Composes the blocks of a layer from what the architecture file says, with the weights read into
/// a scope.
final class BlockLoader {
  private static final double DEFAULT_EPSILON = 1e-6;
  private static final long MAX_PART = 256L << 20;

  private final MoeModel model;
  private final ModelLayout layout;
  private final Architecture architecture;

  BlockLoader(MoeModel model) {
    this.model = model;
    this.layout = model.layout();
    this.architecture = layout.architecture();
  }

  RmsNorm norm(TorchScope scope, TensorId id) throws IOException {
    float epsilon = (float) layout.number("config.rms_norm_eps").orElse(DEFAULT_EPSILON);
    return new RmsNorm(weight(scope, id), epsilon);
  }

  GroupedQueryAttention attention(TorchScope scope, int layer) throws IOException {
    Heads heads =
        new Heads(
            layout.dimension(Dimension.HEADS),
            layout.dimension(Dimension.KEY_VALUE_HEADS),
            layout.dimension(Dimension.HEAD_DIM),
            window());
    return new GroupedQueryAttention(
        heads,
        linear(scope, layer, TensorRole.QUERY, TensorRole.QUERY_BIAS),
        linear(scope, layer, TensorRole.KEY, TensorRole.KEY_BIAS),
        linear(scope, layer, TensorRole.VALUE, TensorRole.VALUE_BIAS),
        linear(scope, layer, TensorRole.ATTENTION_OUTPUT, TensorRole.ATTENTION_OUTPUT_BIAS),
        positions(scope, layer, heads.width()));
  }

  private Positions positions(TorchScope scope, int layer, int width) throws IOException {
    Rotary rotary =
        new Rotary(architecture.attention().rotary(), RotaryFrequencies.of(layout.config(), width));
    return switch (architecture.attention().headNorm()) {
      case NONE -> new Positions(null, null, rotary);
      case PER_HEAD ->
          new Positions(
              norm(scope, TensorId.ofLayer(TensorRole.QUERY_NORM, layer)),
              norm(scope, TensorId.ofLayer(TensorRole.KEY_NORM, layer)),
              rotary);
    };
  }

  private int window() {
    Window window = architecture.attention().window();
    boolean on = window != null && (window.when() == null || layout.flag(window.when()));
    return on && window != null
        ? (int) layout.number(window.size()).orElse(Integer.MAX_VALUE)
        : Integer.MAX_VALUE;
  }

  /// The router's weight, `[hidden, experts]`.
  Linear routerWeight(TorchScope scope, int layer) throws IOException {
    return linear(scope, TensorId.ofLayer(TensorRole.ROUTER, layer));
  }

  TopKRouter router() {
    return new TopKRouter(
        architecture.router().score(),
        layout.topK(),
        layout.flag(architecture.router().renormalise()));
  }

  GatedNetwork expert(TorchScope scope, int layer, int expert) throws IOException {
    return new GatedNetwork(
        architecture.activation(),
        linear(scope, new TensorId(TensorRole.EXPERT_GATE, layer, expert)),
        linear(scope, new TensorId(TensorRole.EXPERT_UP, layer, expert)),
        linear(scope, new TensorId(TensorRole.EXPERT_DOWN, layer, expert)));
  }

  GatedNetwork denseNetwork(TorchScope scope, int layer) throws IOException {
    return new GatedNetwork(
        architecture.activation(),
        linear(scope, TensorId.ofLayer(TensorRole.DENSE_GATE, layer)),
        linear(scope, TensorId.ofLayer(TensorRole.DENSE_UP, layer)),
        linear(scope, TensorId.ofLayer(TensorRole.DENSE_DOWN, layer)));
  }

  /// The output head, or the embedding where the two are tied, in parts of consecutive tokens.
  List<Linear> outputHead(TorchScope scope) throws IOException {
    TensorId head = TensorId.ofModel(TensorRole.OUTPUT_HEAD);
    TensorId embedding = TensorId.ofModel(TensorRole.EMBEDDING);
    List<Linear> parts = new ArrayList<>();
    try (Arena mapping = Arena.ofConfined()) {
      TensorData table = model.read(model.inventory().has(head) ? head : embedding, mapping);
      long rows = table.info().shape().dimension(0);
      long step = Math.max(1, MAX_PART / (rowLength(table) * Float.BYTES));
      for (long first = 0; first < rows; first += step) {
        NDArray part = scope.weight(table.rows(first, Math.min(step, rows - first)));
        parts.add(new Linear(part.transpose(), null));
      }
    }
    return parts;
  }

  private static long rowLength(TensorData table) {
    return table.info().shape().dimension(1);
  }

  private Linear linear(TorchScope scope, TensorId weight) throws IOException {
    return new Linear(weight(scope, weight).transpose(), null);
  }

  private Linear linear(TorchScope scope, int layer, TensorRole weight, TensorRole bias)
      throws IOException {
    TensorId biasId = TensorId.ofLayer(bias, layer);
    @Nullable NDArray biasArray = model.inventory().has(biasId) ? weight(scope, biasId) : null;
    NDArray matrix = weight(scope, TensorId.ofLayer(weight, layer));
    return new Linear(matrix.transpose(), biasArray);
  }

  private NDArray weight(TorchScope scope, TensorId id) throws IOException {
    try (Arena mapping = Arena.ofConfined()) {
      return scope.weight(model.read(id, mapping));
    }
  }
}
