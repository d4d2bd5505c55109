package io.moepress.prune;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.util.Arrays;
import java.util.Set;

/// How differently two experts behave, as STUN sees it: the lower, the more alike.
public sealed interface BehaviourDistance {

  /// The statistics it is computed from; empty when the weights of the router suffice.
  Set<Statistic> needs();

  /// The distance of every pair of experts of a layer, `[E, E]`; symmetric, with a diagonal that
  /// means nothing.
  ///
  /// @param rows gives the router's rows, `[E, H]`; asked only if the distance needs them
  double[][] of(Rows rows, Evidence.Layer evidence) throws IOException;

  /// The rows of a layer's router.
  @FunctionalInterface
  interface Rows {
    /// Reads them, `[E, H]`.
    float[][] read() throws IOException;
  }

  /// Euclidean distance of router rows, `‖R_i − R_j‖₂`: experts with like rows are chosen for like
  /// tokens.
  ///
  /// @param normalised whether it is divided by `‖R‖_F`, so that layers can be compared
  record Router(boolean normalised) implements BehaviourDistance {
    @Override
    public Set<Statistic> needs() {
      return Set.of();
    }

    @Override
    public double[][] of(Rows rows, Evidence.Layer evidence) throws IOException {
      return distances(rows.read(), normalised);
    }

    private static double[][] distances(float[][] rows, boolean normalised) {
      double[][] distances = new double[rows.length][rows.length];
      double squares = 0;
      for (int i = 0; i < rows.length; i++) {
        for (float element : rows[i]) {
          squares += (double) element * element;
        }
        for (int j = 0; j < i; j++) {
          distances[i][j] = distance(rows[i], rows[j]);
          distances[j][i] = distances[i][j];
        }
      }
      double divisor = normalised && squares > 0 ? Math.sqrt(squares) : 1;
      for (double[] row : distances) {
        Arrays.setAll(row, j -> row[j] / divisor);
      }
      return distances;
    }

    private static double distance(float[] a, float[] b) {
      double squares = 0;
      for (int i = 0; i < a.length; i++) {
        double difference = (double) a[i] - b[i];
        squares += difference * difference;
      }
      return Math.sqrt(squares);
    }
  }

  /// How seldom two experts are chosen by the same token, `−a_ij`, with the number `a_ij` of tokens
  /// that chose both.
  ///
  /// @param relative whether it is divided by the mean of `a` over all pairs, each expert's pair
  ///   with itself counted as 0, so that layers can be compared
  record Coactivation(boolean relative) implements BehaviourDistance {
    @Override
    public Set<Statistic> needs() {
      return Set.of(Statistic.COACTIVATION);
    }

    @Override
    public double[][] of(Rows rows, Evidence.Layer evidence) {
      double[][] together = evidence.matrix(Statistic.COACTIVATION);
      double sum = 0;
      for (int i = 0; i < together.length; i++) {
        together[i][i] = 0; // holds the tokens of one expert
        sum += Arrays.stream(together[i]).sum();
      }
      double mean = sum / ((double) together.length * together.length);
      double divisor = relative && mean > 0 ? mean : 1;
      for (double[] row : together) {
        Arrays.setAll(row, j -> row[j] == 0 ? 0 : -row[j] / divisor);
      }
      return together;
    }
  }

  /// Both: `w · (−a_ij / mean a) + ‖R_i − R_j‖₂`.
  ///
  /// @param router the second term
  /// @param weight `w`, of the first term
  record Mixed(Router router, double weight) implements BehaviourDistance {
    public Mixed {
      Checks.require(
          Double.isFinite(weight) && weight > 0, "mix-weight: %s (expected more than 0)", weight);
    }

    @Override
    public Set<Statistic> needs() {
      return Set.of(Statistic.COACTIVATION);
    }

    @Override
    public double[][] of(Rows rows, Evidence.Layer evidence) throws IOException {
      double[][] distances = router.of(rows, evidence);
      double[][] together = new Coactivation(true).of(rows, evidence);
      for (int i = 0; i < distances.length; i++) {
        for (int j = 0; j < distances.length; j++) {
          distances[i][j] += weight * together[i][j];
        }
      }
      return distances;
    }
  }
}
