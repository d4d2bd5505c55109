package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.linear.LinearAlgebra;

/// Finds out which neuron of one expert does what a neuron of another does.
///
/// * By weights: the similarity of two neurons is the scalar product of their rows of gate and up
///   projection and their columns of the down projection.
/// * By activations: the correlation, over the same tokens, of what they hand to the down
///   projection. A neuron that never changes is like no other.
///
/// Source: by weights M-SMoE, arXiv:2310.01334; by activations ZipIt and the fixed-dominant merge
/// of HC-SMoE. Patterns of two experts are compared on one list of tokens: on two different lists
/// no neuron finds its own copy.
///
/// @param function what experts do
record NeuronMatching(ExpertFunction function) {

  /// Similarity by weights, `[width, width]`: rows are neurons of `to`, columns those of `from`.
  double[] byWeights(ExpertWeights to, ExpertWeights from) {
    double[] sum = products(to.get(Projection.GATE), from.get(Projection.GATE), to);
    add(sum, products(to.get(Projection.UP), from.get(Projection.UP), to));
    add(sum, products(to.downByNeuron(), from.downByNeuron(), to));
    return sum;
  }

  private double[] products(double[] to, double[] from, ExpertWeights like) {
    return algebra().productTransposed(to, from, like.width(), like.hidden(), like.width());
  }

  private LinearAlgebra algebra() {
    return function.algebra();
  }

  private static void add(double[] sum, double[] other) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other[i];
    }
  }

  /// What the neurons of an expert do on some tokens, `[width, tokens]`, each shifted and scaled to
  /// mean 0 and length 1.
  ///
  /// @param inputs `[tokens, hidden]`
  double[] patterns(ExpertWeights expert, double[] inputs) {
    int tokens = inputs.length / expert.hidden();
    double[] patterns = function.neurons(expert, inputs);
    for (int neuron = 0; neuron < expert.width(); neuron++) {
      standardise(patterns, neuron * tokens, tokens);
    }
    return patterns;
  }

  private static void standardise(double[] values, int first, int count) {
    double sum = 0;
    for (int i = first; i < first + count; i++) {
      sum += values[i];
    }
    double mean = sum / count;
    double squares = 0;
    for (int i = first; i < first + count; i++) {
      values[i] -= mean;
      squares += values[i] * values[i];
    }
    double scale = squares == 0 ? 0 : 1 / Math.sqrt(squares);
    for (int i = first; i < first + count; i++) {
      values[i] *= scale;
    }
  }

  /// Correlations, `[width, width]`: rows are neurons of `to`, columns those of `from`.
  double[] correlations(double[] to, double[] from, int width) {
    return algebra().productTransposed(to, from, width, to.length / width, width);
  }

  /// Gives each neuron of `from` a neuron of `to` of its own, so that the sum of similarities is
  /// largest.
  ///
  /// @return for each neuron of `from` its place in `to`
  static int[] oneToOne(double[] similarity, int width) {
    double[][] cost = new double[width][width];
    for (int to = 0; to < width; to++) {
      for (int from = 0; from < width; from++) {
        double value = similarity[to * width + from];
        Checks.require(Double.isFinite(value), "neurons %d and %d: similarity %s", to, from, value);
        cost[from][to] = -value;
      }
    }
    return Assignment.cheapest(cost);
  }

  /// Gives each neuron of `from` the neuron of `to` that is most like it; ties keep the lower.
  static int[] toNearest(double[] similarity, int width) {
    int[] places = new int[width];
    for (int from = 0; from < width; from++) {
      for (int to = 1; to < width; to++) {
        if (similarity[to * width + from] > similarity[places[from] * width + from]) {
          places[from] = to;
        }
      }
    }
    return places;
  }

  /// Some inputs of a reservoir, evenly spread over it, `[tokens, hidden]`.
  static double[] sample(Reservoir reservoir, int most) {
    int rows = Math.min(most, reservoir.rows());
    int width = reservoir.width();
    double[] inputs = new double[Math.multiplyExact(rows, width)];
    for (int row = 0; row < rows; row++) {
      int source = Math.toIntExact((long) row * reservoir.rows() / rows);
      for (int i = 0; i < width; i++) {
        inputs[row * width + i] = reservoir.inputs()[source * width + i];
      }
    }
    return inputs;
  }
}
