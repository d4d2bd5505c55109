package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.LinearInput;
import org.jspecify.annotations.Nullable;

/// Causal attention whose keys and values are expanded from one short vector for each token.
///
/// ```
/// query of a head = [plain | turned]           from x, or from norm(compressed x)
/// [latent | turned key] = compress(x)          the turned key serves all heads
/// [plain key | value] of a head = expand(norm(latent))
/// score = (plain · plain + rotary(turned) · rotary(turned)) · scale
/// ```
///
/// Source: DeepSeek-V2, arXiv:2405.04434, section 2.1; layout as in transformers'
/// `DeepseekV3Attention`.
///
/// @param extents of the heads
/// @param query from hidden states to queries
/// @param keyValue from hidden states to keys and values
/// @param output `[heads · value, hidden]`
/// @param scale factor on scores
/// @param rotary the rotation of the turned parts
record LatentAttention(
    Extents extents,
    QueryProjection query,
    KeyValueProjection keyValue,
    Linear output,
    double scale,
    Rotary rotary)
    implements Attention {

  private static final int HEAD_AXIS = 2;

  /// Extents of the heads.
  ///
  /// @param heads number of heads
  /// @param plain width of the part of a query or key that is not turned
  /// @param turned width of the part that is
  /// @param value width of a value
  /// @param latent width of the vector that plain keys and values are expanded from
  record Extents(int heads, int plain, int turned, int value, int latent) {}

  /// From hidden states to the queries of all heads.
  ///
  /// @param compress `[hidden, rank]`; null where queries are not compressed
  /// @param norm over the rank; null where queries are not compressed
  /// @param expand `[rank or hidden, heads · (plain + turned)]`
  record QueryProjection(@Nullable Linear compress, @Nullable RmsNorm norm, Linear expand) {
    NDArray apply(NDArray x, LinearTap tap) {
      if (compress == null || norm == null) {
        return expand.apply(x);
      }
      NDArray compressed = norm.apply(compress.apply(x));
      tap.see(LinearInput.QUERY_EXPAND, compressed);
      return expand.apply(compressed);
    }
  }

  /// From hidden states to keys and values.
  ///
  /// @param compress `[hidden, latent + turned]`
  /// @param norm over the latent vector
  /// @param expand `[latent, heads · (plain + value)]`
  record KeyValueProjection(Linear compress, RmsNorm norm, Linear expand) {}

  @Override
  public NDArray apply(TorchScope scope, NDArray x, LinearTap tap) {
    int tokens = Math.toIntExact(x.getShape().get(0));
    Rotary.Angles angles = rotary.angles(scope, tokens);
    NDList q = byHead(query.apply(x, tap), tokens, extents.turned());
    NDList compressed = keyValue.compress().apply(x).split(new long[] {extents.latent()}, 1);
    NDArray latent = keyValue.norm().apply(compressed.get(0));
    tap.see(LinearInput.KEY_VALUE_EXPAND, latent);
    NDList kv = byHead(keyValue.expand().apply(latent), tokens, extents.value());
    NDArray turnedKey = compressed.get(1).reshape(tokens, 1, extents.turned());
    NDArray sharedKey =
        rotary.apply(turnedKey, angles).broadcast(tokens, extents.heads(), extents.turned());
    NDArray queries = join(q.get(0), rotary.apply(q.get(1), angles));
    NDArray keys = join(kv.get(0), sharedKey);
    CausalMix mix =
        new CausalMix(extents.heads(), extents.heads(), Integer.MAX_VALUE, new float[0]);
    NDArray mixed = mix.apply(scope, queries.muli(scale), keys, kv.get(1));
    tap.see(LinearInput.ATTENTION_OUTPUT, mixed);
    return output.apply(mixed);
  }

  /// Splits `[tokens, heads · (plain + rest)]` into `[tokens, heads, plain]` and `[tokens, heads,
  /// rest]`.
  private NDList byHead(NDArray projected, int tokens, int rest) {
    return projected
        .reshape(tokens, extents.heads(), (long) extents.plain() + rest)
        .split(new long[] {extents.plain()}, HEAD_AXIS);
  }

  private static NDArray join(NDArray plain, NDArray other) {
    return NDArrays.concat(new NDList(plain, other), HEAD_AXIS);
  }
}
