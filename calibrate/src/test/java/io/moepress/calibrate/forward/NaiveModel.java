package io.moepress.calibrate.forward;

import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.testdata.TinyMoe;
import io.moepress.testdata.TinyTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The whole model as its formulas say, in double precision, one token at a time:
///
/// ```
/// h_t = embedding[id_t]
/// for each layer:
///   h_t += O · attention(q, k, v)       q, k, v = rotated, normed W · norm(h)
///   h_t += Σ_{j ∈ top-k} g_j · down_j (silu(gate_j x) ∘ up_j x)       x = norm(h_t)
/// logits_t = head · norm(h_t)
/// ```
///
/// Nothing is shared with the code it is compared with but the weights. It remembers what every
/// token met in every layer.
public final class NaiveModel {
  private static final double THETA = 10_000;

  private final TinyMoe moe;
  private final SortedMap<String, TinyTensor> tensors;
  private final int layers;
  private final int heads;
  private final int keyValueHeads;
  private final int headDim;
  private final int topK;
  private final double epsilon;
  private final boolean renormalise;
  private final int window;
  private final List<Visit> visits = new ArrayList<>();

  /// What one token met in one layer.
  ///
  /// @param residual `h`
  /// @param input `x`
  /// @param logits `[E]`
  /// @param scores softmax of the logits, `[E]`
  /// @param chosen `[k]`
  /// @param weights `[k]`
  /// @param intermediates `[k][I]`
  /// @param outputs `[k][H]`
  /// @param everyOutput of the experts it did not choose, too, `[E][H]`
  public record Visit(
      int layer,
      double[] residual,
      double[] input,
      double[] logits,
      double[] scores,
      int[] chosen,
      double[] weights,
      double[][] intermediates,
      double[][] outputs,
      double[][] everyOutput) {}

  /// @param window how many tokens back a token sees, itself included
  public NaiveModel(TinyMoe moe, int window, boolean renormalise) {
    ModelLayout layout = ModelLayout.of(ModelConfig.parse(moe.configJson()));
    this.moe = moe;
    this.tensors = moe.tensors();
    this.layers = layout.dimension(Dimension.LAYERS);
    this.heads = layout.dimension(Dimension.HEADS);
    this.keyValueHeads = layout.dimension(Dimension.KEY_VALUE_HEADS);
    this.headDim = layout.dimension(Dimension.HEAD_DIM);
    this.topK = layout.dimension(Dimension.TOP_K);
    this.epsilon = layout.number("config.rms_norm_eps").orElseThrow();
    this.renormalise = renormalise;
    this.window = window;
  }

  /// Logits of one sequence, `[tokens][vocabulary]`.
  public double[][] logits(int... ids) {
    double[][] h = Arrays.stream(ids).mapToObj(this::embedding).toArray(double[][]::new);
    for (int layer = 0; layer < layers; layer++) {
      String prefix = "model.layers." + layer + ".";
      double[][] attended = attention(prefix + "self_attn.", norm(prefix + "input_layernorm", h));
      for (int t = 0; t < h.length; t++) {
        h[t] = sum(h[t], attended[t]);
        double[] x = norm(tensor(prefix + "post_attention_layernorm.weight"), h[t]);
        h[t] = sum(h[t], experts(layer, h[t], x));
      }
    }
    boolean tied = !tensors.containsKey("lm_head.weight");
    TinyTensor head = tensor(tied ? "model.embed_tokens.weight" : "lm_head.weight");
    return Arrays.stream(norm("model.norm", h)).map(x -> product(head, x)).toArray(double[][]::new);
  }

  /// What the tokens of all sequences so far met, token by token within a layer and sequence.
  public List<Visit> visits() {
    return visits;
  }

  // Attention.

  private double[][] attention(String prefix, double[][] x) {
    double[][] q = rotated(prefix + "q", x);
    double[][] k = rotated(prefix + "k", x);
    double[][] v = projected(prefix + "v", x);
    double[][] mixed = new double[x.length][heads * headDim];
    for (int t = 0; t < x.length; t++) {
      for (int head = 0; head < heads; head++) {
        attend(t, head, new double[][][] {q, k, v}, mixed[t]);
      }
    }
    return projected(prefix + "o", mixed);
  }

  /// Head `head` of token `t` looks at the tokens it sees.
  private void attend(int t, int head, double[][][] qkv, double[] output) {
    int own = head * headDim;
    int shared = head / (heads / keyValueHeads) * headDim;
    int first = Math.max(0, t - window + 1);
    double[] weights = new double[t + 1 - first];
    for (int s = first; s <= t; s++) {
      for (int i = 0; i < headDim; i++) {
        weights[s - first] += qkv[0][t][own + i] * qkv[1][s][shared + i] / Math.sqrt(headDim);
      }
    }
    softmax(weights);
    for (int s = first; s <= t; s++) {
      for (int i = 0; i < headDim; i++) {
        output[own + i] += weights[s - first] * qkv[2][s][shared + i];
      }
    }
  }

  /// Projected, each head normed where the family does that, and turned by its position.
  private double[][] rotated(String name, double[][] x) {
    TinyTensor norm = tensors.get(name + "_norm.weight");
    double[][] rows = projected(name, x);
    for (int t = 0; t < rows.length; t++) {
      for (int from = 0; from < rows[t].length; from += headDim) {
        rotate(rows[t], from, t, norm);
      }
    }
    return rows;
  }

  private void rotate(double[] row, int from, int position, @Nullable TinyTensor norm) {
    double[] head = Arrays.copyOfRange(row, from, from + headDim);
    double[] a = norm == null ? head : norm(norm, head);
    int half = headDim / 2;
    for (int i = 0; i < half; i++) {
      double angle = position * Math.pow(THETA, -2.0 * i / headDim);
      row[from + i] = a[i] * Math.cos(angle) - a[i + half] * Math.sin(angle);
      row[from + i + half] = a[i + half] * Math.cos(angle) + a[i] * Math.sin(angle);
    }
  }

  private double[][] projected(String name, double[][] x) {
    TinyTensor weight = tensor(name + "_proj.weight");
    return Arrays.stream(x).map(row -> product(weight, row)).toArray(double[][]::new);
  }

  // Experts.

  private double[] experts(int layer, double[] h, double[] x) {
    double[] logits = product(tensor(moe.family().router(layer)), x);
    double[] p = logits.clone();
    softmax(p);
    int[] chosen =
        IntStream.range(0, p.length)
            .boxed()
            .sorted((a, b) -> Double.compare(p[b], p[a]))
            .limit(topK)
            .mapToInt(Integer::intValue)
            .toArray();
    double divisor = renormalise ? Arrays.stream(chosen).mapToDouble(j -> p[j]).sum() : 1;
    double[] weights = Arrays.stream(chosen).mapToDouble(j -> p[j] / divisor).toArray();
    double[][] inner =
        Arrays.stream(chosen).mapToObj(j -> intermediate(layer, j, x)).toArray(double[][]::new);
    double[][] outputs = new double[topK][];
    double[] y = new double[x.length];
    for (int slot = 0; slot < topK; slot++) {
      outputs[slot] = product(tensor(moe.family().down(layer, chosen[slot])), inner[slot]);
      for (int i = 0; i < y.length; i++) {
        y[i] += weights[slot] * outputs[slot][i];
      }
    }
    visits.add(
        new Visit(
            layer, h, x, logits, p, chosen, weights, inner, outputs, every(layer, x, p.length)));
    return y;
  }

  private double[][] every(int layer, double[] x, int experts) {
    return IntStream.range(0, experts)
        .mapToObj(j -> product(tensor(moe.family().down(layer, j)), intermediate(layer, j, x)))
        .toArray(double[][]::new);
  }

  private double[] intermediate(int layer, int expert, double[] x) {
    double[] gate = product(tensor(moe.family().gate(layer, expert)), x);
    double[] up = product(tensor(moe.family().up(layer, expert)), x);
    return IntStream.range(0, gate.length)
        .mapToDouble(i -> gate[i] / (1 + Math.exp(-gate[i])) * up[i])
        .toArray();
  }

  // Arithmetic.

  private double[] embedding(int id) {
    TinyTensor table = tensor("model.embed_tokens.weight");
    int width = Math.toIntExact(table.shape()[1]);
    return IntStream.range(0, width).mapToDouble(i -> table.values()[id * width + i]).toArray();
  }

  private double[][] norm(String name, double[][] x) {
    TinyTensor weight = tensor(name + ".weight");
    return Arrays.stream(x).map(row -> norm(weight, row)).toArray(double[][]::new);
  }

  private double[] norm(TinyTensor weight, double[] x) {
    double meanSquare = Arrays.stream(x).map(value -> value * value).average().orElseThrow();
    double scale = 1 / Math.sqrt(meanSquare + epsilon);
    return IntStream.range(0, x.length)
        .mapToDouble(i -> x[i] * scale * weight.values()[i])
        .toArray();
  }

  private static void softmax(double[] values) {
    double max = Arrays.stream(values).max().orElseThrow();
    double sum = Arrays.stream(values).map(value -> Math.exp(value - max)).sum();
    Arrays.setAll(values, i -> Math.exp(values[i] - max) / sum);
  }

  /// Matrix `[out, in]` times vector.
  private static double[] product(TinyTensor matrix, double[] x) {
    double[] y = new double[Math.toIntExact(matrix.shape()[0])];
    for (int row = 0; row < y.length; row++) {
      for (int column = 0; column < x.length; column++) {
        y[row] += matrix.values()[row * x.length + column] * x[column];
      }
    }
    return y;
  }

  private static double[] sum(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(i -> a[i] + b[i]).toArray();
  }

  private TinyTensor tensor(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }
}
