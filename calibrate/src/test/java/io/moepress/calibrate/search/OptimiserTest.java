package io.moepress.calibrate.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.evidence.OptimiserKind;
import org.junit.jupiter.api.Test;

class OptimiserTest {

  @Test
  void plainDescentKeepsTheSumOfAlpha() {
    double[] parameters = {0, 0, 0};

    Optimiser.of(OptimiserKind.SGD, Optimiser.Memory.NONE)
        .step(parameters, new double[] {0.5, -0.75, 0.25}, 0.1);

    assertThat(parameters).containsExactly(-0.05, 0.75 * 0.1, -0.025);
  }

  /// The first step of Adam is as long as the rate, whatever the gradient, but for ε.
  @Test
  void adamsFirstStepIsAsLongAsTheRate() {
    double[] parameters = {1, 1, 1};

    Optimiser.of(OptimiserKind.ADAM, Optimiser.Memory.NONE)
        .step(parameters, new double[] {3, -0.002, 0}, 0.1);

    assertThat(parameters[0]).isCloseTo(0.9, within(1e-6));
    assertThat(parameters[1]).isCloseTo(1.1, within(1e-6));
    assertThat(parameters[2]).isEqualTo(1);
  }

  /// Worked out by hand: m = 0.9 · 0.1 + 0.1 · 2, v = 0.999 · 0.001 + 0.001 · 4.
  @Test
  void adamRemembersItsGradients() {
    double[] parameters = {0};
    Optimiser adam = Optimiser.of(OptimiserKind.ADAM, Optimiser.Memory.NONE);
    adam.step(parameters, new double[] {1}, 0);

    adam.step(parameters, new double[] {2}, 1);

    double mean = 0.29 / (1 - 0.81);
    double square = 0.004999 / (1 - 0.998001);
    assertThat(parameters[0]).isCloseTo(-mean / (Math.sqrt(square) + 1e-8), within(1e-9));
  }

  @Test
  void itGoesOnWithTheMemoryOfAnother() {
    double[] whole = {0, 1};
    double[] parts = {0, 1};
    Optimiser uninterrupted = Optimiser.of(OptimiserKind.ADAM, Optimiser.Memory.NONE);
    Optimiser first = Optimiser.of(OptimiserKind.ADAM, Optimiser.Memory.NONE);
    double[][] gradients = {{1, -2}, {0.5, 3}};

    uninterrupted.step(whole, gradients[0], 0.1);
    uninterrupted.step(whole, gradients[1], 0.1);
    first.step(parts, gradients[0], 0.1);
    Optimiser.of(OptimiserKind.ADAM, first.memory()).step(parts, gradients[1], 0.1);

    assertThat(parts).containsExactly(whole);
  }
}
