package io.moepress.calibrate.forward;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.moepress.calibrate.torch.TorchScope;
import java.util.Arrays;

/// The middle of every attention block: each query mixes the values whose keys it sees, weighted by
/// `softmax(q · k)`. Where heads have a sink `s`, the softmax is over `[q · k, s]`, and the weight
/// of `s` goes to nothing.
///
/// Query head `h` uses key head `h / (queries / keyValues)`. The scores of a block of queries are
/// held at a time, so that memory grows with the length of a sequence and not with its square.
///
/// @param queries number of query heads
/// @param keyValues number of key and value heads
/// @param window a token sees itself and the `window - 1` before it
/// @param sinks one for each query head, or of length 0; not copied
record CausalMix(int queries, int keyValues, int window, float[] sinks) {
  static final long MAX_SCORES = 16L << 20;

  /// Mixes the values of one sequence.
  ///
  /// @param q scaled queries, `[tokens, queries, d]`
  /// @param k keys, `[tokens, keyValues, d]`
  /// @param v values, `[tokens, keyValues, e]`
  /// @return `[tokens, queries · e]`
  NDArray apply(TorchScope scope, NDArray q, NDArray k, NDArray v) {
    int tokens = Math.toIntExact(q.getShape().get(0));
    NDArray scaled = q.transpose(1, 0, 2); // [queries, tokens, d]
    NDArray keys = k.transpose(1, 2, 0); // [keyValues, d, tokens]
    NDArray values = v.transpose(1, 0, 2); // [keyValues, tokens, e]
    int block = queriesPerBlock(tokens);
    NDList blocks = new NDList();
    for (int first = 0; first < tokens; first += block) {
      blocks.add(attend(scope, scaled, keys, values, first, Math.min(first + block, tokens)));
    }
    NDArray mixed = blocks.size() == 1 ? blocks.head() : NDArrays.concat(blocks, 1);
    return mixed.transpose(1, 0, 2).reshape(tokens, -1);
  }

  private int queriesPerBlock(int tokens) {
    return Math.clamp(MAX_SCORES / ((long) queries * tokens), 1, tokens);
  }

  /// Lets queries `first` to `end - 1` attend to the keys they see: `[queries, end - first, e]`.
  private NDArray attend(
      TorchScope scope, NDArray q, NDArray keys, NDArray values, int first, int end) {
    int start = Math.max(0, first - window + 1);
    int count = end - first;
    long rows = (long) queries / keyValues * count;
    NDArray asking = q.get(new NDIndex(":, {}:{}", first, end)).reshape(keyValues, rows, -1);
    NDArray seen = keys.get(new NDIndex(":, :, {}:{}", start, end));
    NDArray scores = asking.matMul(seen).reshape(queries, count, end - start);
    NDArray masked = withSinks(scope, scores.addi(mask(scope, first, end, start)));
    NDArray weights = masked.softmax(-1).reshape(keyValues, rows, -1);
    NDArray mixed = weights.matMul(withNothing(values.get(new NDIndex(":, {}:{}", start, end))));
    return mixed.reshape(queries, count, -1);
  }

  /// Scores with the sink of its head behind each row, `[queries, count, keys + 1]`.
  private NDArray withSinks(TorchScope scope, NDArray scores) {
    if (sinks.length == 0) {
      return scores;
    }
    int count = Math.toIntExact(scores.getShape().get(1));
    float[] column = new float[Math.multiplyExact(queries, count)];
    for (int head = 0; head < queries; head++) {
      Arrays.fill(column, head * count, (head + 1) * count, sinks[head]);
    }
    NDArray joined = NDArrays.concat(new NDList(scores, scope.copy(column, queries, count, 1)), 2);
    scores.close(); // or all scores would be in memory twice
    return joined;
  }

  /// Values with one of zeros behind the last, for the weight of the sinks.
  private NDArray withNothing(NDArray values) {
    if (sinks.length == 0) {
      return values;
    }
    Shape shape = values.getShape();
    NDArray zeros = values.getManager().zeros(new Shape(shape.get(0), 1, shape.get(2)));
    return NDArrays.concat(new NDList(values, zeros), 1);
  }

  /// 0 where a query sees a key and −∞ elsewhere, `[queries, keys]`.
  private NDArray mask(TorchScope scope, int first, int end, int start) {
    int keyCount = end - start;
    float[] mask = new float[Math.multiplyExact(end - first, keyCount)];
    for (int query = first; query < end; query++) {
      for (int key = start; key < end; key++) {
        boolean visible = key <= query && query - key < window;
        mask[(query - first) * keyCount + key - start] = visible ? 0 : Float.NEGATIVE_INFINITY;
      }
    }
    return scope.copy(mask, end - first, keyCount);
  }
}
