package io.moepress.merge;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.MoeModel;
import java.io.IOException;

/// Euclidean distances between experts, `[E][E]`.
final class Distances {
  private Distances() {}

  /// Between rows.
  static double[][] ofRows(double[][] rows) {
    double[][] distances = new double[rows.length][rows.length];
    for (int a = 0; a < rows.length; a++) {
      for (int b = 0; b < a; b++) {
        double squares = 0;
        for (int i = 0; i < rows[a].length; i++) {
          double difference = rows[a][i] - rows[b][i];
          squares += difference * difference;
        }
        distances[a][b] = Math.sqrt(squares);
        distances[b][a] = distances[a][b];
      }
    }
    return distances;
  }

  /// Between vectors of which only the scalar products are known.
  ///
  /// @param divisor of the squared distances
  static double[][] ofProducts(double[][] products, double divisor) {
    int experts = products.length;
    double[][] distances = new double[experts][experts];
    for (int a = 0; a < experts; a++) {
      for (int b = 0; b < experts; b++) {
        double square = products[a][a] + products[b][b] - 2 * products[a][b];
        distances[a][b] = a == b ? 0 : Math.sqrt(Math.max(0, square) / divisor);
      }
    }
    return distances;
  }

  /// Between all weights of the experts of a layer. Each expert is read once for every one before
  /// it, so that no more than two are in memory.
  static double[][] ofWeights(MoeModel model, int layer) throws IOException {
    int experts = model.layout().experts(layer);
    double[][] distances = new double[experts][experts];
    for (int a = 0; a < experts; a++) {
      ExpertWeights one = ExpertWeights.read(model, layer, a);
      for (int b = 0; b < a; b++) {
        distances[a][b] = distance(one, ExpertWeights.read(model, layer, b));
        distances[b][a] = distances[a][b];
      }
    }
    return distances;
  }

  private static double distance(ExpertWeights a, ExpertWeights b) {
    double squares = 0;
    for (Projection projection : Projection.values()) {
      double[] left = a.get(projection);
      double[] right = b.get(projection);
      for (int i = 0; i < left.length; i++) {
        double difference = left[i] - right[i];
        squares += difference * difference;
      }
    }
    return Math.sqrt(squares);
  }
}
