package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.Architecture.HeadNorm;
import io.moepress.formats.architecture.LinearInput;
import org.jspecify.annotations.Nullable;

/// Causal attention in which several query heads share a key and value head.
///
/// Scores are scaled by `1/√headDim`.
///
/// Source: Ainslie et al., arXiv:2305.13245; layout as in transformers' `Qwen3MoeAttention`,
/// `MixtralAttention` and `OlmoeAttention`.
///
/// @param heads the extents
/// @param query `[hidden, heads · headDim]`
/// @param key `[hidden, keyValueHeads · headDim]`
/// @param value `[hidden, keyValueHeads · headDim]`
/// @param output `[heads · headDim, hidden]`
/// @param positions what happens to the projected vectors before they meet
record GroupedQueryAttention(
    Heads heads, Linear query, Linear key, Linear value, Linear output, Positions positions)
    implements Attention {

  /// Extents of the heads.
  ///
  /// @param queries number of query heads
  /// @param keyValues number of key and value heads
  /// @param width width of a head
  /// @param window a token sees itself and the `window - 1` before it
  /// @param sinks a score for each query head that no value belongs to, or of length 0; not copied
  record Heads(int queries, int keyValues, int width, int window, float[] sinks) {}

  /// What happens to the projected vectors before they meet: norm, bound, rotation.
  ///
  /// @param normOver what the norms of queries and keys are over
  /// @param queryNorm null where there is none
  /// @param keyNorm null where there is none
  /// @param clip bound on the magnitude of queries, keys and values; infinite where there is none
  /// @param rotary the rotation of queries and keys
  record Positions(
      HeadNorm normOver,
      @Nullable RmsNorm queryNorm,
      @Nullable RmsNorm keyNorm,
      float clip,
      Rotary rotary) {}

  @Override
  public NDArray apply(TorchScope scope, NDArray x, LinearTap tap) {
    int tokens = Math.toIntExact(x.getShape().get(0));
    Rotary.Angles angles = positions.rotary().angles(scope, tokens);
    NDArray q = split(query.apply(x), heads.queries(), positions.queryNorm(), angles);
    NDArray k = split(key.apply(x), heads.keyValues(), positions.keyNorm(), angles);
    NDArray v = clip(value.apply(x)).reshape(tokens, heads.keyValues(), heads.width());
    CausalMix mix =
        new CausalMix(heads.queries(), heads.keyValues(), heads.window(), heads.sinks());
    NDArray mixed = mix.apply(scope, q.muli(1 / Math.sqrt(heads.width())), k, v);
    tap.see(LinearInput.ATTENTION_OUTPUT, mixed);
    return output.apply(mixed);
  }

  /// Norm, bound and rotation of `[tokens, count · d]`: `[tokens, count, d]`.
  private NDArray split(
      NDArray projected, int count, @Nullable RmsNorm norm, Rotary.Angles angles) {
    NDArray normable =
        switch (positions.normOver()) {
          case NONE, WHOLE -> projected;
          case PER_HEAD -> projected.reshape(-1, count, heads.width());
        };
    NDArray normed = norm == null ? normable : norm.apply(normable);
    NDArray split = clip(normed).reshape(-1, count, heads.width());
    return positions.rotary().apply(split, angles);
  }

  private NDArray clip(NDArray x) {
    float bound = positions.clip();
    return Float.isInfinite(bound) ? x : x.clip(-bound, bound);
  }
}
