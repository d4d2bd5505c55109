package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import io.moepress.calibrate.torch.TorchScope;
import org.jspecify.annotations.Nullable;

/// Causal attention in which several query heads share a key and value head.
///
/// Query head `h` uses key head `h / (heads / keyValueHeads)`; scores are scaled by `1/√headDim`.
/// The scores of a block of queries are held at a time, so that memory grows with the length of a
/// sequence and not with its square.
///
/// Source: Ainslie et al., arXiv:2305.13245; layout as in transformers' `Qwen3MoeAttention` and
/// `MixtralAttention`.
///
/// @param heads the extents
/// @param query `[hidden, heads · headDim]`
/// @param key `[hidden, keyValueHeads · headDim]`
/// @param value `[hidden, keyValueHeads · headDim]`
/// @param output `[heads · headDim, hidden]`
/// @param positions normalisation and rotation of queries and keys
record GroupedQueryAttention(
    Heads heads, Linear query, Linear key, Linear value, Linear output, Positions positions) {

  private static final long MAX_SCORES = 16L << 20;

  /// Extents of the heads.
  ///
  /// @param queries number of query heads
  /// @param keyValues number of key and value heads
  /// @param width width of a head
  /// @param window a token sees itself and the `window - 1` before it
  record Heads(int queries, int keyValues, int width, int window) {}

  /// What happens to queries and keys before they meet.
  ///
  /// @param queryNorm normalisation of each query head, or null
  /// @param keyNorm normalisation of each key head, or null
  /// @param rotary the rotation
  record Positions(@Nullable RmsNorm queryNorm, @Nullable RmsNorm keyNorm, Rotary rotary) {}

  /// Maps one sequence, `[tokens, hidden]`, to `[tokens, hidden]`.
  NDArray apply(TorchScope scope, NDArray x) {
    int tokens = Math.toIntExact(x.getShape().get(0));
    Rotary.Angles angles = positions.rotary().angles(scope, tokens);
    NDArray q = split(query.apply(x), heads.queries(), positions.queryNorm(), angles);
    NDArray k = split(key.apply(x), heads.keyValues(), positions.keyNorm(), angles);
    NDArray v = value.apply(x).reshape(tokens, heads.keyValues(), heads.width());
    NDArray scaled = q.muli(1 / Math.sqrt(heads.width())).transpose(1, 0, 2); // [heads, tokens, d]
    NDArray keys = k.transpose(1, 2, 0); // [keyValues, d, tokens]
    NDArray values = v.transpose(1, 0, 2); // [keyValues, tokens, d]
    int block = queriesPerBlock(tokens);
    NDList blocks = new NDList();
    for (int first = 0; first < tokens; first += block) {
      blocks.add(attend(scope, scaled, keys, values, first, Math.min(first + block, tokens)));
    }
    NDArray mixed = blocks.size() == 1 ? blocks.head() : NDArrays.concat(blocks, 1);
    NDArray joined = mixed.transpose(1, 0, 2).reshape(tokens, -1);
    return output.apply(joined);
  }

  private int queriesPerBlock(int tokens) {
    return Math.clamp(MAX_SCORES / ((long) heads.queries() * tokens), 1, tokens);
  }

  private NDArray split(
      NDArray projected, int count, @Nullable RmsNorm norm, Rotary.Angles angles) {
    NDArray split = projected.reshape(-1, count, heads.width()); // [tokens, count, d]
    NDArray normed = norm == null ? split : norm.apply(split);
    return positions.rotary().apply(normed, angles);
  }

  /// Lets queries `first` to `end - 1` attend to the keys they see: `[heads, end - first, d]`.
  private NDArray attend(
      TorchScope scope, NDArray queries, NDArray keys, NDArray values, int first, int end) {
    int start = Math.max(0, first - heads.window() + 1);
    int count = end - first;
    int shared = heads.queries() / heads.keyValues();
    NDArray q =
        queries
            .get(new NDIndex(":, {}:{}", first, end))
            .reshape(heads.keyValues(), (long) shared * count, heads.width());
    NDArray seen = keys.get(new NDIndex(":, :, {}:{}", start, end));
    NDArray scores = q.matMul(seen).reshape(heads.queries(), count, end - start);
    NDArray weights = scores.addi(mask(scope, first, end, start)).softmax(-1);
    NDArray mixed =
        weights
            .reshape(heads.keyValues(), (long) shared * count, end - start)
            .matMul(values.get(new NDIndex(":, {}:{}", start, end)));
    return mixed.reshape(heads.queries(), count, heads.width());
  }

  /// 0 where a query sees a key and −∞ elsewhere, `[queries, keys]`.
  private NDArray mask(TorchScope scope, int first, int end, int start) {
    int keyCount = end - start;
    float[] mask = new float[Math.multiplyExact(end - first, keyCount)];
    for (int query = first; query < end; query++) {
      for (int key = start; key < end; key++) {
        boolean visible = key <= query && query - key < heads.window();
        mask[(query - first) * keyCount + key - start] = visible ? 0 : Float.NEGATIVE_INFINITY;
      }
    }
    return scope.copy(mask, end - first, keyCount);
  }
}
