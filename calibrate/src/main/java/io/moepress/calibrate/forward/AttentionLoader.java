package io.moepress.calibrate.forward;

import io.moepress.calibrate.forward.GroupedQueryAttention.Heads;
import io.moepress.calibrate.forward.GroupedQueryAttention.Positions;
import io.moepress.calibrate.forward.LatentAttention.Extents;
import io.moepress.calibrate.forward.LatentAttention.KeyValueProjection;
import io.moepress.calibrate.forward.LatentAttention.QueryProjection;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.GroupedQuery;
import io.moepress.formats.architecture.Architecture.HeadNorm;
import io.moepress.formats.architecture.Architecture.Latent;
import io.moepress.formats.architecture.Architecture.Window;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Composes the attention block of a layer.
///
/// @param layout what the architecture file says
/// @param weights the weights
record AttentionLoader(ModelLayout layout, WeightLoader weights) {

  Attention load(TorchScope scope, int layer) throws IOException {
    return switch (layout.architecture().attention()) {
      case GroupedQuery block -> groupedQuery(block, scope, layer);
      case Latent block -> latent(block, scope, layer);
    };
  }

  private GroupedQueryAttention groupedQuery(GroupedQuery block, TorchScope scope, int layer)
      throws IOException {
    Heads heads =
        new Heads(
            layout.dimension(Dimension.HEADS),
            layout.dimension(Dimension.KEY_VALUE_HEADS),
            layout.dimension(Dimension.HEAD_DIM),
            window(block.window(), layer),
            weights.values(TensorId.ofLayer(TensorRole.ATTENTION_SINKS, layer)));
    return new GroupedQueryAttention(
        heads,
        weights.linear(scope, layer, TensorRole.QUERY, TensorRole.QUERY_BIAS),
        weights.linear(scope, layer, TensorRole.KEY, TensorRole.KEY_BIAS),
        weights.linear(scope, layer, TensorRole.VALUE, TensorRole.VALUE_BIAS),
        weights.linear(scope, layer, TensorRole.ATTENTION_OUTPUT, TensorRole.ATTENTION_OUTPUT_BIAS),
        positions(block, scope, layer));
  }

  private Positions positions(GroupedQuery block, TorchScope scope, int layer) throws IOException {
    String width = block.rotaryWidth() == null ? Dimension.HEAD_DIM.key() : block.rotaryWidth();
    RotaryFrequencies frequencies = RotaryFrequencies.of(layout.config(), layout.count(width));
    return new Positions(
        block.headNorm(),
        norm(block.headNorm(), scope, TensorId.ofLayer(TensorRole.QUERY_NORM, layer)),
        norm(block.headNorm(), scope, TensorId.ofLayer(TensorRole.KEY_NORM, layer)),
        clip(block),
        new Rotary(block.rotary(), frequencies));
  }

  private @Nullable RmsNorm norm(HeadNorm over, TorchScope scope, TensorId id) throws IOException {
    return switch (over) {
      case NONE -> null;
      case PER_HEAD, WHOLE -> weights.norm(scope, id);
    };
  }

  private float clip(GroupedQuery block) {
    double unbounded = Double.POSITIVE_INFINITY;
    return (float)
        (block.clip() == null ? unbounded : layout.number(block.clip()).orElse(unbounded));
  }

  /// How many tokens a token of this layer sees, itself included.
  private int window(@Nullable Window window, int layer) {
    boolean slides =
        window != null
            && (window.when() == null || layout.flag(window.when()))
            && (window.layerTypes() == null || slides(window.layerTypes(), layer));
    return slides && window != null && layout.number(window.size()).isPresent()
        ? layout.count(window.size())
        : Integer.MAX_VALUE;
  }

  private boolean slides(String layerTypes, int layer) {
    @Nullable JsonNode types = layout.config().value(layerTypes).orElse(null);
    Checks.requireFormat(
        types != null && types.size() == layout.layers(),
        "config.json: a sliding window is on, but %s does not say for each of the %d layers whether"
            + " it has one. Add the list.",
        layerTypes,
        layout.layers());
    return types != null && types.get(layer).asString("").equals("sliding_attention");
  }

  private LatentAttention latent(Latent block, TorchScope scope, int layer) throws IOException {
    Extents extents =
        new Extents(
            layout.dimension(Dimension.HEADS),
            layout.count(block.plain()),
            layout.count(block.turned()),
            layout.count(block.value()),
            layout.count(block.latent()));
    double epsilon = layout.number(block.epsilon()).orElseThrow();
    RotarySettings settings = RotarySettings.of(layout.config());
    double scale = settings.scoreFactor() / Math.sqrt(extents.plain() + extents.turned());
    return new LatentAttention(
        extents,
        query(scope, layer, epsilon),
        keyValue(scope, layer, epsilon),
        weights.linear(scope, TensorId.ofLayer(TensorRole.ATTENTION_OUTPUT, layer)),
        scale,
        new Rotary(block.rotary(), RotaryFrequencies.of(layout.config(), extents.turned())));
  }

  private QueryProjection query(TorchScope scope, int layer, double epsilon) throws IOException {
    if (!layout.has(TensorRole.QUERY_COMPRESS)) {
      TensorId query = TensorId.ofLayer(TensorRole.QUERY, layer);
      return new QueryProjection(null, null, weights.linear(scope, query));
    }
    TensorId norm = TensorId.ofLayer(TensorRole.QUERY_COMPRESS_NORM, layer);
    return new QueryProjection(
        weights.linear(scope, TensorId.ofLayer(TensorRole.QUERY_COMPRESS, layer)),
        weights.norm(scope, norm, epsilon),
        weights.linear(scope, TensorId.ofLayer(TensorRole.QUERY_EXPAND, layer)));
  }

  private KeyValueProjection keyValue(TorchScope scope, int layer, double epsilon)
      throws IOException {
    TensorId norm = TensorId.ofLayer(TensorRole.KEY_VALUE_COMPRESS_NORM, layer);
    return new KeyValueProjection(
        weights.linear(scope, TensorId.ofLayer(TensorRole.KEY_VALUE_COMPRESS, layer)),
        weights.norm(scope, norm, epsilon),
        weights.linear(scope, TensorId.ofLayer(TensorRole.KEY_VALUE_EXPAND, layer)));
  }
}
