package io.moepress.calibrate.search;

import io.moepress.calibrate.forward.ExpertScales;
import io.moepress.recipes.evidence.LearnedScores;
import io.moepress.recipes.evidence.Relaxation;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What the search turns: `α` of every expert and `β` of every layer, both in the order of layers.
///
/// With `ā = softmax(α)` over the `N` experts of a layer, and `c = N` or, dense, 1, expert `i` has
/// the factor `s_i = β c ā_i`. So
///
/// ```
/// ∂L/∂β   = Σ_i ∂L/∂s_i · c ā_i
/// ∂L/∂α_j = s_j · (∂L/∂s_j − Σ_i ā_i ∂L/∂s_i)         whose sum over a layer is 0
/// ```
///
/// @param relaxation what the factors apply to
/// @param layers decoder layer indices, ascending
/// @param experts number of experts of each layer, `N`
/// @param alpha `[L · N]`; changed in place
/// @param beta `[L]`; changed in place
record DiepParameters(
    Relaxation relaxation, List<Integer> layers, int experts, double[] alpha, double[] beta) {

  /// The parameters at the start, `α = 0` and `β = 1`.
  static DiepParameters begin(Relaxation relaxation, List<Integer> layers, int experts) {
    double[] beta = new double[layers.size()];
    Arrays.fill(beta, 1);
    return new DiepParameters(
        relaxation, layers, experts, new double[Math.multiplyExact(beta.length, experts)], beta);
  }

  private LearnedScores.Layer layer(int index) {
    double[] own = Arrays.copyOfRange(alpha, index * experts, (index + 1) * experts);
    return new LearnedScores.Layer(Arrays.stream(own).boxed().toList(), beta[index]);
  }

  /// What is learned of each layer.
  SortedMap<Integer, LearnedScores.Layer> learned() {
    SortedMap<Integer, LearnedScores.Layer> learned = new TreeMap<>();
    for (int index = 0; index < layers.size(); index++) {
      learned.put(layers.get(index), layer(index));
    }
    return learned;
  }

  private double count() {
    return switch (relaxation) {
      case ROUTER -> experts;
      case DENSE -> 1;
    };
  }

  /// The factors of all experts.
  ExpertScales scales() {
    SortedMap<Integer, double[]> factors = new TreeMap<>();
    for (int index = 0; index < layers.size(); index++) {
      double[] scales = layer(index).shares();
      for (int expert = 0; expert < experts; expert++) {
        scales[expert] *= count() * beta[index];
      }
      factors.put(layers.get(index), scales);
    }
    return new ExpertScales(relaxation, factors);
  }

  /// `∂L/∂α`, `[L · N]`.
  ///
  /// @param ofFactors `∂L/∂s` by layer
  double[] ofAlpha(SortedMap<Integer, double[]> ofFactors) {
    double[] gradient = new double[alpha.length];
    for (int index = 0; index < layers.size(); index++) {
      double[] shares = layer(index).shares();
      double[] slopes = of(ofFactors, index);
      double mean = product(shares, slopes);
      for (int expert = 0; expert < experts; expert++) {
        gradient[index * experts + expert] =
            beta[index] * count() * shares[expert] * (slopes[expert] - mean);
      }
    }
    return gradient;
  }

  /// `∂L/∂β`, `[L]`.
  ///
  /// @param ofFactors `∂L/∂s` by layer
  double[] ofBeta(SortedMap<Integer, double[]> ofFactors) {
    double[] gradient = new double[beta.length];
    for (int index = 0; index < layers.size(); index++) {
      gradient[index] = count() * product(layer(index).shares(), of(ofFactors, index));
    }
    return gradient;
  }

  private double[] of(SortedMap<Integer, double[]> ofFactors, int index) {
    return ofFactors.getOrDefault(layers.get(index), new double[experts]);
  }

  private static double product(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
