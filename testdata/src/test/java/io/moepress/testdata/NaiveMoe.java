package io.moepress.testdata;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.IntStream;

/// The whole model in plain doubles and loops, one token at a time: the reference of the planted
/// claims.
final class NaiveMoe {

  /// One token reached one expert.
  ///
  /// @param probability of the softmax over all experts
  /// @param gate renormalised over the selected experts
  /// @param output of the expert, before the gate
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Visit(int layer, int expert, double probability, double gate, double[] output) {

    double norm() {
      return Math.sqrt(Arrays.stream(output).map(value -> value * value).sum());
    }
  }

  private final TinyMoe moe;
  private final SortedMap<String, TinyTensor> tensors;
  private final Map<Integer, Set<Integer>> dropped;
  private final NaiveAttention attention;

  /// Every expert visited so far.
  final List<Visit> visits = new ArrayList<>();

  /// The softmax of every router so far, `[calls][experts]`.
  final List<double[]> softmaxes = new ArrayList<>();

  NaiveMoe(TinyMoe moe) {
    this(moe, moe.tensors(), Map.of(), new NaiveAttention(moe, 10_000, Integer.MAX_VALUE));
  }

  /// @param dropped experts per layer to leave out of router and block
  NaiveMoe(
      TinyMoe moe,
      SortedMap<String, TinyTensor> tensors,
      Map<Integer, Set<Integer>> dropped,
      NaiveAttention attention) {
    this.moe = moe;
    this.tensors = tensors;
    this.dropped = dropped;
    this.attention = attention;
  }

  static NaiveMoe without(TinyMoe moe, Map<Integer, Set<Integer>> dropped) {
    NaiveAttention attention = new NaiveAttention(moe, 10_000, Integer.MAX_VALUE);
    return new NaiveMoe(moe, moe.tensors(), dropped, attention);
  }

  /// Logits, `[tokens][vocabulary]`.
  double[][] logits(int... tokens) {
    double[][] x = Arrays.stream(tokens).mapToObj(this::embedding).toArray(double[][]::new);
    for (int layer = 0; layer < moe.layers; layer++) {
      String prefix = "model.layers." + layer + ".";
      add(x, attention.apply(tensors, prefix + "self_attn.", norm(prefix + "input_layernorm", x)));
      double[][] inputs = norm(prefix + "post_attention_layernorm", x);
      for (int position = 0; position < x.length; position++) {
        add(x[position], block(layer, inputs[position]));
      }
    }
    TinyTensor head = get(moe.isTied ? "model.embed_tokens.weight" : "lm_head.weight");
    return Arrays.stream(norm("model.norm", x))
        .map(row -> multiply(head, row))
        .toArray(double[][]::new);
  }

  private double[] block(int layer, double[] x) {
    double[] softmax = softmax(layer, x);
    softmaxes.add(softmax);
    int[] selected =
        IntStream.range(0, moe.experts)
            .boxed()
            .filter(expert -> !isDropped(layer, expert))
            .sorted((a, b) -> Double.compare(softmax[b], softmax[a]))
            .limit(moe.topK)
            .mapToInt(Integer::intValue)
            .toArray();
    double sum = Arrays.stream(selected).mapToDouble(expert -> softmax[expert]).sum();
    double[] output = new double[x.length];
    for (int expert : selected) {
      double[] one = expert(layer, expert, x);
      double gate = softmax[expert] / sum;
      visits.add(new Visit(layer, expert, softmax[expert], gate, one));
      for (int i = 0; i < output.length; i++) {
        output[i] += gate * one[i];
      }
    }
    return output;
  }

  private double[] softmax(int layer, double[] x) {
    double[] logits = multiply(get(moe.family.router(layer)), x);
    for (int expert = 0; expert < logits.length; expert++) {
      logits[expert] = isDropped(layer, expert) ? Double.NEGATIVE_INFINITY : logits[expert];
    }
    double max = Arrays.stream(logits).max().orElseThrow();
    double[] powers = Arrays.stream(logits).map(logit -> Math.exp(logit - max)).toArray();
    double sum = 0; // in order, so that zeros leave the same bits
    for (double power : powers) {
      sum += power;
    }
    double total = sum;
    return Arrays.stream(powers).map(power -> power / total).toArray();
  }

  private double[] expert(int layer, int expert, double[] x) {
    double[] gate = multiply(get(moe.family.gate(layer, expert)), x);
    double[] up = multiply(get(moe.family.up(layer, expert)), x);
    for (int i = 0; i < gate.length; i++) {
      up[i] *= gate[i] / (1 + Math.exp(-gate[i]));
    }
    return multiply(get(moe.family.down(layer, expert)), up);
  }

  private boolean isDropped(int layer, int expert) {
    return dropped.getOrDefault(layer, Set.of()).contains(expert);
  }

  private double[] embedding(int token) {
    float[] values = get("model.embed_tokens.weight").values();
    return IntStream.range(0, moe.hidden)
        .mapToDouble(i -> values[token * moe.hidden + i])
        .toArray();
  }

  private double[][] norm(String name, double[][] x) {
    TinyTensor weight = get(name + ".weight");
    return Arrays.stream(x).map(row -> norm(weight, epsilon(moe), row)).toArray(double[][]::new);
  }

  private TinyTensor get(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  static double epsilon(TinyMoe moe) {
    return moe.family == TinyFamily.MIXTRAL ? 1e-5 : 1e-6;
  }

  static double[] norm(TinyTensor weight, double epsilon, double[] x) {
    double mean = Arrays.stream(x).map(value -> value * value).average().orElseThrow();
    double scale = 1 / Math.sqrt(mean + epsilon);
    return IntStream.range(0, x.length)
        .mapToDouble(i -> x[i] * scale * weight.values()[i])
        .toArray();
  }

  /// Matrix `[out, in]` times vector.
  static double[] multiply(TinyTensor matrix, double[] x) {
    double[] y = new double[Math.toIntExact(matrix.shape()[0])];
    for (int row = 0; row < y.length; row++) {
      for (int column = 0; column < x.length; column++) {
        y[row] += matrix.values()[row * x.length + column] * x[column];
      }
    }
    return y;
  }

  private static void add(double[][] x, double[][] y) {
    for (int row = 0; row < x.length; row++) {
      add(x[row], y[row]);
    }
  }

  private static void add(double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += y[i];
    }
  }
}
