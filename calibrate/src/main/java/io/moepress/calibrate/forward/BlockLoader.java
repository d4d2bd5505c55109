package io.moepress.calibrate.forward;

import io.moepress.calibrate.forward.TopKRouter.Selection;
import io.moepress.calibrate.forward.TopKRouter.Weighting;
import io.moepress.calibrate.forward.WeightLoader.NetworkRoles;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.Router;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.TensorData;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Composes the blocks of a layer from what the architecture file says, with the weights read into
/// a scope.
final class BlockLoader {
  private static final NetworkRoles SHARED =
      new NetworkRoles(TensorRole.SHARED_GATE, TensorRole.SHARED_UP, TensorRole.SHARED_DOWN);
  private static final NetworkRoles DENSE =
      new NetworkRoles(TensorRole.DENSE_GATE, TensorRole.DENSE_UP, TensorRole.DENSE_DOWN);

  private final MoeModel model;
  private final ModelLayout layout;
  private final WeightLoader weights;
  private final AttentionLoader attentions;
  private final ExpertLoader experts;

  BlockLoader(MoeModel model) {
    this.model = model;
    this.layout = model.layout();
    this.weights = new WeightLoader(model);
    this.attentions = new AttentionLoader(layout, weights);
    this.experts = new ExpertLoader(model, weights);
  }

  ModelLayout layout() {
    return layout;
  }

  RmsNorm norm(TorchScope scope, TensorId id) throws IOException {
    return weights.norm(scope, id);
  }

  Attention attention(TorchScope scope, int layer) throws IOException {
    return attentions.load(scope, layer);
  }

  /// The router's weight, `[hidden, experts]`, and its bias where it has one.
  Linear routerWeight(TorchScope scope, int layer) throws IOException {
    return weights.linear(scope, layer, TensorRole.ROUTER, TensorRole.ROUTER_BIAS);
  }

  TopKRouter router(int layer) throws IOException {
    Router router = layout.architecture().router();
    Weighting weighting =
        new Weighting(
            layout.flag(router.renormalise()),
            (float) number(router.epsilon(), 0),
            (float) number(router.scale(), 1));
    float[] bias = weights.values(TensorId.ofLayer(TensorRole.SELECTION_BIAS, layer));
    Selection selection = new Selection(bias, layout.groups());
    return new TopKRouter(router.score(), layout.topK(), selection, weighting);
  }

  private double number(@Nullable String formula, double otherwise) {
    return formula == null ? otherwise : layout.number(formula).orElse(otherwise);
  }

  /// The network that a router row leads to.
  GatedNetwork expert(TorchScope scope, int layer, int row) throws IOException {
    return experts.load(scope, layer, layout.expertMap().expert(layer, row));
  }

  GatedNetwork denseNetwork(TorchScope scope, int layer) throws IOException {
    return weights.network(scope, DENSE, layer, TensorId.NONE);
  }

  /// Whether layers with routed experts have a shared one, too.
  boolean hasSharedExpert() {
    return layout.has(TensorRole.SHARED_GATE);
  }

  SharedExpert sharedExpert(TorchScope scope, int layer) throws IOException {
    TensorId router = TensorId.ofLayer(TensorRole.SHARED_ROUTER, layer);
    return new SharedExpert(
        weights.network(scope, SHARED, layer, TensorId.NONE),
        model.inventory().has(router) ? weights.linear(scope, router) : null);
  }

  /// The output head, or the embedding where the two are tied, in parts of consecutive tokens.
  List<Linear> outputHead(TorchScope scope) throws IOException {
    return weights.parts(scope, outputHead());
  }

  /// The same, part after part, for those who need each but once.
  ///
  /// @param bytes that the floats of a part may take
  void forEachPartOfHead(long bytes, Consumer<TensorData> part) throws IOException {
    weights.forEachPart(outputHead(), bytes, part);
  }

  private TensorId outputHead() {
    TensorId head = TensorId.ofModel(TensorRole.OUTPUT_HEAD);
    return model.inventory().has(head) ? head : TensorId.ofModel(TensorRole.EMBEDDING);
  }
}
