package io.moepress.calibrate.measure;

import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.Routing;
import java.io.IOException;

/// Sums over what the router says, in float64, tokens in the order of the corpus.
final class RouterSums {
  private RouterSums() {}

  /// `Σ z`, by domain, `[domains][E]`.
  static double[][] logits(MoePass pass, int[] domainOfToken, int domains) throws IOException {
    int experts = pass.experts();
    double[][] sums = new double[domains][experts];
    pass.logits()
        .forEach((first, logits) -> {
          for (int i = 0; i < logits.length; i++) {
            sums[domainOfToken[first + i / experts]][i % experts] += logits[i];
          }
        });
    return sums;
  }

  /// `Σ z zᵀ`, `[E][E]`; symmetric to the last bit.
  static double[][] logitGram(MoePass pass) throws IOException {
    int experts = pass.experts();
    double[][] gram = new double[experts][experts];
    double[] row = new double[experts];
    pass.logits()
        .forEach((first, logits) -> {
          for (int start = 0; start < logits.length; start += experts) {
            for (int i = 0; i < experts; i++) {
              row[i] = logits[start + i];
            }
            addProduct(gram, row);
          }
        });
    return mirrored(gram);
  }

  /// Adds the upper triangle of `z zᵀ`.
  private static void addProduct(double[][] gram, double[] z) {
    for (int i = 0; i < z.length; i++) {
      double[] sums = gram[i];
      double factor = z[i];
      for (int j = i; j < z.length; j++) {
        sums[j] += factor * z[j];
      }
    }
  }

  /// How many tokens chose both experts, `[E][E]`.
  static double[][] coactivation(MoePass pass) {
    Routing routing = pass.routing();
    int topK = routing.topK();
    double[][] counts = new double[pass.experts()][pass.experts()];
    for (int first = 0; first < routing.experts().length; first += topK) {
      for (int a = first; a < first + topK; a++) {
        for (int b = first; b < first + topK; b++) {
          counts[routing.experts()[a]][routing.experts()[b]]++;
        }
      }
    }
    return counts;
  }

  private static double[][] mirrored(double[][] upper) {
    for (int i = 0; i < upper.length; i++) {
      for (int j = 0; j < i; j++) {
        upper[i][j] = upper[j][i];
      }
    }
    return upper;
  }
}
