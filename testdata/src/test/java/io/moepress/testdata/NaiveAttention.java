package io.moepress.testdata;

import java.util.Arrays;
import java.util.Objects;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/// Grouped-query attention with rotary positions (halves), in plain doubles.
///
/// @param window how many tokens back a token sees, itself included
record NaiveAttention(TinyMoe moe, double theta, int window) {

  double[][] apply(SortedMap<String, TinyTensor> tensors, String prefix, double[][] x) {
    double[][] queries = project(tensors, prefix + "q", x);
    double[][] keys = project(tensors, prefix + "k", x);
    double[][] values = project(tensors, prefix + "v", x);
    double[][] outputs = new double[x.length][moe.heads * moe.headDim];
    for (int position = 0; position < x.length; position++) {
      rotate(queries[position], tensors.get(prefix + "q_norm.weight"), position);
      rotate(keys[position], tensors.get(prefix + "k_norm.weight"), position);
      for (int head = 0; head < moe.heads; head++) {
        attend(head, position, queries, keys, values, outputs[position]);
      }
    }
    return project(tensors, prefix + "o", outputs);
  }

  private void attend(
      int head, int position, double[][] q, double[][] k, double[][] v, double[] output) {
    int from = head * moe.headDim;
    int shared = head / (moe.heads / moe.keyValueHeads) * moe.headDim;
    int first = Math.max(0, position - window + 1);
    double[] powers = new double[position + 1];
    for (int other = first; other <= position; other++) {
      double score = 0;
      for (int i = 0; i < moe.headDim; i++) {
        score += q[position][from + i] * k[other][shared + i];
      }
      powers[other] = Math.exp(score / Math.sqrt(moe.headDim));
    }
    double sum = Arrays.stream(powers).sum();
    for (int other = first; other <= position; other++) {
      for (int i = 0; i < moe.headDim; i++) {
        output[from + i] += powers[other] / sum * v[other][shared + i];
      }
    }
  }

  private void rotate(double[] heads, @Nullable TinyTensor norm, int position) {
    int half = moe.headDim / 2;
    for (int from = 0; from < heads.length; from += moe.headDim) {
      double[] head = Arrays.copyOfRange(heads, from, from + moe.headDim);
      double[] x = norm == null ? head : NaiveMoe.norm(norm, NaiveMoe.epsilon(moe), head);
      for (int i = 0; i < half; i++) {
        double angle = position * Math.pow(theta, -2.0 * i / moe.headDim);
        heads[from + i] = x[i] * Math.cos(angle) - x[i + half] * Math.sin(angle);
        heads[from + i + half] = x[i + half] * Math.cos(angle) + x[i] * Math.sin(angle);
      }
    }
  }

  private static double[][] project(
      SortedMap<String, TinyTensor> tensors, String name, double[][] x) {
    String weight = name + "_proj.weight";
    TinyTensor matrix = Objects.requireNonNull(tensors.get(weight), weight);
    return Arrays.stream(x).map(row -> NaiveMoe.multiply(matrix, row)).toArray(double[][]::new);
  }
}
