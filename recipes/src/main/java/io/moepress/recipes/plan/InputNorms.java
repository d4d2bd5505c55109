package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.LayerEvidence;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.MissingEvidenceException;
import io.moepress.recipes.evidence.Statistic;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// How large the elements of what linear maps read are, as calibration saw them:
///
/// ```
/// a_j = √( Σ_x g(x)^p · x_j² / n )
/// ```
///
/// over the `n` tokens that the maps saw. For routed experts `g` is the weight of their output and
/// `p` 0 or 2; elsewhere every token counts alike.
///
/// @param rows `[1][in]`, or `[E][in]` for routed experts; ones where nothing was seen; not copied
/// @param starved the experts that no token reached
public record InputNorms(double[][] rows, List<Integer> starved) {

  /// What [#of] needs to know of routed experts.
  public static Set<Statistic> statistics(int gatePower) {
    return EnumSet.of(
        Statistic.ROUTED_TOKENS,
        statistic(LinearInput.EXPERT, gatePower),
        statistic(LinearInput.EXPERT_DOWN, gatePower));
  }

  /// What [#of] needs to know of all other linear maps in a scope.
  public static Set<LinearStatistic> linears(LinearScope scope) {
    return switch (scope) {
      case EXPERTS -> Set.of();
      case FEED_FORWARD, ALL_LINEAR -> Set.of(LinearStatistic.LINEAR_INPUT_SQUARE_SUM);
    };
  }

  /// The norms of one input of a layer.
  ///
  /// @throws io.moepress.recipes.evidence.MissingEvidenceException when it was not gathered
  public static InputNorms of(LinearInput input, LayerEvidence evidence, int gatePower) {
    if (!input.isOfExperts()) {
      LinearStatistic statistic = LinearStatistic.LINEAR_INPUT_SQUARE_SUM;
      if (!evidence.linears().inputs(statistic).contains(input)) {
        throw new MissingEvidenceException(
            Checks.text(
                "the evidence has no %s of %s in layer %d. Calibrate again, with --statistics"
                    + " default,%s.",
                statistic.label(), input.label(), evidence.layer(), statistic.label()));
      }
      double[] squares = evidence.linears().sum(statistic, input)[0];
      return new InputNorms(new double[][] {roots(squares, (double) evidence.tokens())}, List.of());
    }
    Evidence.Layer experts = evidence.experts();
    if (experts == null) {
      throw new IllegalArgumentException("layer " + evidence.layer() + " has no experts");
    }
    double[][] squares = experts.matrix(statistic(input, gatePower));
    double[] tokens = experts.total(Statistic.ROUTED_TOKENS);
    List<Integer> starved = new ArrayList<>();
    for (int expert = 0; expert < squares.length; expert++) {
      if (tokens[expert] == 0) {
        starved.add(expert);
      }
      squares[expert] = roots(squares[expert], tokens[expert]);
    }
    return new InputNorms(squares, starved);
  }

  private static Statistic statistic(LinearInput input, int gatePower) {
    boolean plain = gatePower == 0;
    return input == LinearInput.EXPERT
        ? plain ? Statistic.INPUT_SQUARE_SUM : Statistic.GATED_INPUT_SQUARE_SUM
        : plain ? Statistic.INTERMEDIATE_SQUARE_SUM : Statistic.GATED_INTERMEDIATE_SQUARE_SUM;
  }

  private static double[] roots(double[] squares, double tokens) {
    double[] roots = new double[squares.length];
    for (int i = 0; i < roots.length; i++) {
      roots[i] = tokens == 0 ? 1 : Math.sqrt(squares[i] / tokens);
    }
    return roots;
  }

  /// All rows, one after the other, as an array of a plan holds them.
  public float[] floats() {
    int width = rows[0].length;
    float[] floats = new float[Math.multiplyExact(rows.length, width)];
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < width; i++) {
        floats[row * width + i] = (float) rows[row][i];
      }
    }
    return floats;
  }
}
