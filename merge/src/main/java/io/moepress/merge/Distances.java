package io.moepress.merge;

import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// Euclidean distances between experts, `[E][E]`.
final class Distances {
  /// What is held of experts while others are compared with them: 14 of Qwen3-30B-A3B.
  private static final long HELD_BYTES = 512L << 20;

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

  /// Between all weights of the experts of a layer.
  static double[][] ofWeights(MoeModel model, int layer) throws IOException {
    ModelLayout layout = model.layout();
    long bytes =
        3L
            * layout.dimension(Dimension.HIDDEN)
            * layout.dimension(Dimension.EXPERT_WIDTH)
            * Double.BYTES;
    return ofWeights(model, layer, Math.clamp(HELD_BYTES / bytes, 1, layout.experts(layer)));
  }

  /// Some experts are held, and all behind them are read once, one after the other: with `n`
  /// experts and blocks of `b` that is `n²/2b` times.
  ///
  /// @param block experts that are in memory at a time, beside one
  static double[][] ofWeights(MoeModel model, int layer, int block) throws IOException {
    int experts = model.layout().experts(layer);
    double[][] distances = new double[experts][experts];
    for (int first = 0; first < experts; first += block) {
      List<ExpertWeights> held = new ArrayList<>();
      for (int a = first; a < experts; a++) {
        ExpertWeights one = ExpertWeights.read(model, layer, a);
        for (int b = 0; b < held.size(); b++) {
          distances[a][first + b] = distance(one, held.get(b));
          distances[first + b][a] = distances[a][first + b];
        }
        if (held.size() < block) {
          held.add(one);
        }
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
