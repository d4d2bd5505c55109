package io.moepress.testdata;

import java.util.Arrays;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/// The tensors of a [TinyMoe] before anything is planted.
final class TinyWeights {

  private static final String EMBEDDING = "model.embed_tokens.weight";

  private final TinyMoe moe;
  private final SortedMap<String, TinyTensor> tensors = new TreeMap<>();

  private TinyWeights(TinyMoe moe) {
    this.moe = moe;
  }

  static SortedMap<String, TinyTensor> of(TinyMoe moe) {
    TinyWeights weights = new TinyWeights(moe);
    weights.matrix(EMBEDDING, moe.vocabulary, moe.hidden);
    for (int layer = 0; layer < moe.layers; layer++) {
      weights.attention("model.layers." + layer + ".");
      weights.experts(layer);
    }
    weights.norm("model.norm.weight", moe.hidden);
    if (!moe.isTied) {
      weights.matrix("lm_head.weight", moe.vocabulary, moe.hidden);
    }
    return weights.tensors;
  }

  /// Uniform values of variance 1 / fan-in, the last size; of variance 1 for the embedding.
  static TinyTensor random(TinyMoe moe, String name, long... shape) {
    long fanIn = name.equals(EMBEDDING) || shape.length == 0 ? 1 : shape[shape.length - 1];
    double bound = Math.sqrt(3.0 / Math.max(1, fanIn));
    long ofSeed = new SplittableRandom(moe.seed).nextLong(); // so that near seeds are unrelated
    SplittableRandom random = new SplittableRandom(ofSeed + name.hashCode());
    float[] values = new float[TinyTensor.elementCount(shape)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(-bound, bound);
    }
    return new TinyTensor(moe.dtype, shape, values);
  }

  private void attention(String layer) {
    int queries = moe.heads * moe.headDim;
    int keys = moe.keyValueHeads * moe.headDim;
    norm(layer + "input_layernorm.weight", moe.hidden);
    norm(layer + "post_attention_layernorm.weight", moe.hidden);
    matrix(layer + "self_attn.q_proj.weight", queries, moe.hidden);
    matrix(layer + "self_attn.k_proj.weight", keys, moe.hidden);
    matrix(layer + "self_attn.v_proj.weight", keys, moe.hidden);
    matrix(layer + "self_attn.o_proj.weight", moe.hidden, queries);
    if (moe.family == TinyFamily.QWEN3_MOE) {
      norm(layer + "self_attn.q_norm.weight", moe.headDim);
      norm(layer + "self_attn.k_norm.weight", moe.headDim);
    }
  }

  private void experts(int layer) {
    matrix(moe.family.router(layer), moe.experts, moe.hidden);
    for (int expert = 0; expert < moe.experts; expert++) {
      matrix(moe.family.gate(layer, expert), moe.expertWidth, moe.hidden);
      matrix(moe.family.up(layer, expert), moe.expertWidth, moe.hidden);
      matrix(moe.family.down(layer, expert), moe.hidden, moe.expertWidth);
    }
  }

  private void matrix(String name, int rows, int columns) {
    tensors.put(name, random(moe, name, rows, columns));
  }

  private void norm(String name, int size) {
    float[] ones = new float[size];
    Arrays.fill(ones, 1);
    tensors.put(name, new TinyTensor(moe.dtype, new long[] {size}, ones));
  }
}
