package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.prune.BehaviourDistance.Coactivation;
import io.moepress.prune.BehaviourDistance.Mixed;
import io.moepress.prune.BehaviourDistance.Router;
import io.moepress.prune.BehaviourDistance.Rows;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Three experts, two coordinates. `‖R‖_F = √(9 + 16 + 0 + 144) = 13`.
class BehaviourDistanceTest {
  private static final Rows ROWS = () -> new float[][] {{3, 0}, {0, 4}, {0, -12}};

  /// Tokens that chose both; on the diagonal those of one. The mean over nine pairs is 12 / 9.
  private static final Evidence.Layer TOGETHER =
      new Evidence.Layer(
          3,
          Map.of(),
          new LargeParts.InMemory(
              Map.of(Statistic.COACTIVATION, new double[][] {{9, 5, 1}, {5, 7, 0}, {1, 0, 3}}),
              null));

  @Test
  void rowsAreComparedByEuclideanDistance() throws IOException {
    double[][] distances = new Router(false).of(ROWS, TOGETHER);

    assertThat(distances[0]).containsExactly(0, 5, Math.sqrt(153));
    assertThat(distances[1]).containsExactly(5, 0, 16);
    assertThat(distances[2]).containsExactly(Math.sqrt(153), 16, 0);
  }

  @Test
  void theNormOfTheRouterMakesLayersComparable() throws IOException {
    Rows larger = () -> new float[][] {{30, 0}, {0, 40}, {0, -120}};

    assertThat(new Router(true).of(ROWS, TOGETHER)[0])
        .containsExactly(0, 5 / 13.0, Math.sqrt(153) / 13);
    assertThat(new Router(true).of(larger, TOGETHER)[1])
        .containsExactly(new Router(true).of(ROWS, TOGETHER)[1], within(1e-12));
  }

  @Test
  void expertsThatAreOftenChosenTogetherAreNear() throws IOException {
    assertThat(new Coactivation(false).of(ROWS, TOGETHER)[0]).containsExactly(0, -5, -1);
    assertThat(new Coactivation(true).of(ROWS, TOGETHER)[0])
        .containsExactly(new double[] {0, -5 / (12 / 9.0), -1 / (12 / 9.0)}, within(1e-12));
  }

  @Test
  void bothAddUp() throws IOException {
    assertThat(new Mixed(new Router(false), 2).of(ROWS, TOGETHER)[0])
        .containsExactly(
            new double[] {0, 5 - 2 * 5 * 0.75, Math.sqrt(153) - 2 * 0.75}, within(1e-12));
  }

  @Test
  void whereNobodyIsChosenTogetherAllAreEquallyFar() throws IOException {
    Evidence.Layer apart =
        new Evidence.Layer(
            2,
            Map.of(),
            new LargeParts.InMemory(
                Map.of(Statistic.COACTIVATION, new double[][] {{4, 0}, {0, 4}}), null));

    assertThat(new Coactivation(true).of(ROWS, apart)).isEqualTo(new double[2][2]);
  }

  @Test
  void aWeightOfNothingIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Mixed(new Router(true), 0))
        .withMessage("mix-weight: 0.0 (expected more than 0)");
  }

  @Test
  void onlyCoactivationNeedsCalibration() {
    assertThat(new Router(true).needs()).isEmpty();
    assertThat(new Coactivation(true).needs()).containsExactly(Statistic.COACTIVATION);
    assertThat(new Mixed(new Router(true), 1).needs()).containsExactly(Statistic.COACTIVATION);
  }
}
