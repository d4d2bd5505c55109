package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Reservoir;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Mean cosines of the outputs of experts of several layers, each expert run on what its own layer
/// saw of the same tokens: at most [LayerMerge#PATTERN_TOKENS] of the reservoir.
///
/// Tokens are taken in blocks, so small that the outputs of all experts for a block fit in
/// [#BLOCK_BYTES]; in each block every expert is read once.
///
/// @param function what experts do
/// @param model where they are read
/// @param blockBytes outputs that are in memory at a time
record JointCosines(ExpertFunction function, MoeModel model, long blockBytes) {
  private static final long BLOCK_BYTES = 256L << 20;

  JointCosines(ExpertFunction function, MoeModel model) {
    this(function, model, BLOCK_BYTES);
  }

  /// The mean cosine of each pair, experts of the first layer first.
  double[][] of(List<Map.Entry<Integer, Evidence.Layer>> layers) throws IOException {
    int experts = layers.stream().mapToInt(layer -> layer.getValue().experts()).sum();
    List<Reservoir> reservoirs =
        layers.stream().map(layer -> layer.getValue().reservoir()).toList();
    Reservoir first = reservoirs.getFirst();
    for (Reservoir other : reservoirs) {
      Checks.require(
          Arrays.equals(first.tokens(), other.tokens()),
          "window: layers %s hold different tokens in their reservoirs. Calibrate again.",
          layers.stream().map(Map.Entry::getKey).toList());
    }
    int tokens = Math.min(first.rows(), LayerMerge.PATTERN_TOKENS);
    long perToken = Math.multiplyExact((long) experts * first.width(), Double.BYTES);
    int block = Math.clamp(blockBytes / perToken, 1, tokens);
    double[][] sums = new double[experts][experts];
    for (int from = 0; from < tokens; from += block) {
      add(layers, reservoirs, from, Math.min(block, tokens - from), sums);
    }
    for (int i = 0; i < experts; i++) {
      for (int j = 0; j <= i; j++) {
        sums[i][j] /= tokens;
        sums[j][i] = sums[i][j];
      }
    }
    return sums;
  }

  private void add(
      List<Map.Entry<Integer, Evidence.Layer>> layers,
      List<Reservoir> reservoirs,
      int from,
      int count,
      double[][] sums)
      throws IOException {
    double[][] units = new double[sums.length][]; // [hidden, tokens] each
    int place = 0;
    for (int i = 0; i < layers.size(); i++) {
      double[] sample =
          NeuronMatching.sample(reservoirs.get(i), LayerMerge.PATTERN_TOKENS); // [tokens, hidden]
      int width = reservoirs.get(i).width();
      double[] inputs = Arrays.copyOfRange(sample, from * width, (from + count) * width);
      for (int expert = 0; expert < layers.get(i).getValue().experts(); expert++) {
        ExpertWeights weights = ExpertWeights.read(model, layers.get(i).getKey(), expert);
        units[place++] = unit(function.outputs(weights, inputs), count);
      }
    }
    for (int i = 0; i < units.length; i++) {
      for (int j = 0; j <= i; j++) {
        for (int k = 0; k < units[i].length; k++) {
          sums[i][j] += units[i][k] * units[j][k];
        }
      }
    }
  }

  /// Divides the output for each token by its length; zeros stay zeros.
  private static double[] unit(double[] outputs, int tokens) {
    double[] squares = new double[tokens];
    for (int i = 0; i < outputs.length; i++) {
      squares[i % tokens] += outputs[i] * outputs[i];
    }
    for (int i = 0; i < outputs.length; i++) {
      double square = squares[i % tokens];
      outputs[i] = square == 0 ? 0 : outputs[i] / Math.sqrt(square);
    }
    return outputs;
  }
}
