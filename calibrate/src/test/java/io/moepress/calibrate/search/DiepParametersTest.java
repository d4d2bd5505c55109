package io.moepress.calibrate.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.evidence.Relaxation;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DiepParametersTest {
  private static final List<Integer> LAYERS = List.of(1, 2, 5);
  private static final int EXPERTS = 6;

  /// `L = Σ_l Σ_i c_li s_li + (Σ_li s_li)² / 2`, whose slopes with respect to `s` are known.
  private record Loss(DiepParameters parameters, double[] coefficients) {
    double value() {
      double sum = 0;
      double linear = 0;
      for (int i = 0; i < coefficients.length; i++) {
        double factor = factor(i);
        sum += factor;
        linear += coefficients[i] * factor;
      }
      return linear + sum * sum / 2;
    }

    private double factor(int index) {
      double[] factors =
          Objects.requireNonNull(parameters.scales().factors().get(LAYERS.get(index / EXPERTS)));
      return factors[index % EXPERTS];
    }

    SortedMap<Integer, double[]> slopes() {
      double sum = 0;
      for (int i = 0; i < coefficients.length; i++) {
        sum += factor(i);
      }
      SortedMap<Integer, double[]> slopes = new TreeMap<>();
      for (int layer = 0; layer < LAYERS.size(); layer++) {
        double[] of = Arrays.copyOfRange(coefficients, layer * EXPERTS, (layer + 1) * EXPERTS);
        for (int expert = 0; expert < EXPERTS; expert++) {
          of[expert] += sum;
        }
        slopes.put(LAYERS.get(layer), of);
      }
      return slopes;
    }
  }

  private static Loss random(Relaxation relaxation, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int all = LAYERS.size() * EXPERTS;
    DiepParameters parameters =
        new DiepParameters(
            relaxation,
            LAYERS,
            EXPERTS,
            random.doubles(all, -1, 1).toArray(),
            random.doubles(LAYERS.size(), 0.5, 1.5).toArray());
    return new Loss(parameters, random.doubles(all, -1, 1).toArray());
  }

  @ParameterizedTest
  @EnumSource
  void gradientsAreTheSlopesOfTheLoss(Relaxation relaxation) {
    Loss loss = random(relaxation, 1);
    double[] ofAlpha = loss.parameters().ofAlpha(loss.slopes());
    double[] ofBeta = loss.parameters().ofBeta(loss.slopes());

    for (int i = 0; i < ofAlpha.length; i++) {
      assertThat(ofAlpha[i]).isCloseTo(slope(loss, loss.parameters().alpha(), i), within(1e-7));
    }
    for (int i = 0; i < ofBeta.length; i++) {
      assertThat(ofBeta[i]).isCloseTo(slope(loss, loss.parameters().beta(), i), within(1e-7));
    }
  }

  private static double slope(Loss loss, double[] parameters, int index) {
    double step = 1e-5;
    double before = parameters[index];
    parameters[index] = before + step;
    double up = loss.value();
    parameters[index] = before - step;
    double down = loss.value();
    parameters[index] = before;
    return (up - down) / (2 * step);
  }

  /// Softmax does not see what all `α` of a layer have in common.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void slopesOfAlphaAddUpToNothingInEveryLayer(long seed) {
    Loss loss = random(Relaxation.ROUTER, seed);
    double[] ofAlpha = loss.parameters().ofAlpha(loss.slopes());

    for (int layer = 0; layer < LAYERS.size(); layer++) {
      double sum = Arrays.stream(ofAlpha, layer * EXPERTS, (layer + 1) * EXPERTS).sum();
      assertThat(sum).isCloseTo(0, within(EXPERTS * 1e-14)); // terms of up to 100
    }
  }

  /// A factor of exactly 1, also where `1/N` is no binary number.
  @ParameterizedTest
  @ValueSource(ints = {3, 8, 60, 257})
  void theRouterBeginsWithTheOriginalModel(int experts) {
    double[] factors =
        DiepParameters.begin(Relaxation.ROUTER, List.of(0), experts).scales().factors().get(0);

    for (double factor : Objects.requireNonNull(factors)) {
      assertThat((float) factor).isEqualTo(1f);
    }
  }

  /// An expert that puts out nothing: its factor has no slope, but the others lose to it.
  @ParameterizedTest
  @EnumSource
  void aSilentExpertHasTheSlopeOfItsShare(Relaxation relaxation) {
    DiepParameters parameters = DiepParameters.begin(relaxation, List.of(0), 4);
    double[] slopes = {-0.5, 0, 0.25, -0.75};

    double[] ofAlpha = parameters.ofAlpha(new TreeMap<>(Map.of(0, slopes)));

    double factor = relaxation == Relaxation.ROUTER ? 1 : 0.25;
    assertThat(ofAlpha[1]).isCloseTo(factor * 0.25, within(1e-15)); // −s · mean slope
  }
}
