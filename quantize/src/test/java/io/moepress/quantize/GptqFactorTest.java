package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.FormatException;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;
import io.moepress.quantize.Gptq.GroupScales;
import io.moepress.quantize.Gptq.Order;
import io.moepress.quantize.Gptq.Report;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GptqFactorTest {
  private static final StoredGrid SCHEME =
      new StoredGrid(new IntegerGrid(4, true), new Sharing.Channel(), DType.F32);

  private static Gptq gptq(double damping, int retries) {
    return new Gptq(damping, retries, Order.STORED, GroupScales.ORIGINAL, 128, new Extremes());
  }

  private static GptqFactor factor(Gptq gptq, double... hessian) {
    return gptq.factor(hessian, (int) Math.sqrt(hessian.length), Drawn.ALGEBRA);
  }

  private static Report report(Gptq gptq, double... hessian) {
    GptqFactor factor = factor(gptq, hessian);
    return gptq.encode(new float[] {1, 2}, 1, factor, SCHEME).report();
  }

  /// `M · D · Mᵀ` is the damped Hessian in the order of visits.
  @ParameterizedTest
  @EnumSource(Order.class)
  void productOfFactorsIsTheDampedHessian(Order order) {
    int columns = 9;
    double[] hessian = Drawn.hessian(columns, 1);
    Gptq gptq = new Gptq(0.02, 0, order, GroupScales.ORIGINAL, 128, new Extremes());

    GptqFactor factor = gptq.factor(hessian, columns, Drawn.ALGEBRA);

    double trace = 0;
    for (int i = 0; i < columns; i++) {
      trace += hessian[i * columns + i];
      assertThat(factor.feedback()[i * columns + i]).isEqualTo(1);
    }
    for (int i = 0; i < columns; i++) {
      for (int j = 0; j < columns; j++) {
        double sum = 0;
        for (int k = 0; k < columns; k++) {
          sum +=
              factor.feedback()[i * columns + k]
                  * factor.pivots()[k]
                  * factor.feedback()[j * columns + k];
        }
        double damping = i == j ? 0.02 * trace / columns : 0;
        double expected = hessian[factor.visited()[i] * columns + factor.visited()[j]] + damping;
        assertThat(sum).isCloseTo(expected, within(1e-15 * columns * trace));
      }
    }
  }

  @Test
  void visitsByActivationBeginWithTheLargestAndKeepTies() {
    double[] hessian = {2, 0, 0, 0, 0, 5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0};

    assertThat(factor(Gptq.DEFAULT, hessian).visited()).containsExactly(1, 0, 2, 3);
    assertThat(factor(gptq(0.01, 0), hessian).visited()).containsExactly(0, 1, 2, 3);
  }

  @Test
  void theHessianIsNotChanged() {
    double[] hessian = {4, 1, 1, 3};

    assertThat(factor(Gptq.DEFAULT, hessian).columns()).isEqualTo(2);
    assertThat(hessian).containsExactly(4, 1, 1, 3);
  }

  // Damping.

  @Test
  void dampingIsRaisedUntilThereIsAFactorAndTheReportSaysSo() {
    assertThat(report(gptq(0.01, 3), 1, 0.5, 0.5, 1).retries()).isZero();
    assertThat(report(gptq(0.01, 3), 1, 0.5, 0.5, 1).damping()).isEqualTo(0.01);

    Report singular = report(gptq(0, 3), 1, 1, 1, 1);
    assertThat(singular.retries()).isEqualTo(1);
    assertThat(singular.damping()).isEqualTo(1e-4);

    Report indefinite = report(gptq(0.5, 3), 1, 3, 3, 1); // eigenvalues 4 and -2
    assertThat(indefinite.retries()).isEqualTo(1);
    assertThat(indefinite.damping()).isEqualTo(5);
  }

  @Test
  void dampingIsRaisedNoMoreOftenThanAllowed() {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> factor(gptq(0.01, 2), 1, 3, 3, 1))
        .withMessage(
            "Hessian: 2 columns: not positive definite with damping 1.0 (expected sums of squares and"
                + " products). Allow more damping, or measure again.");
  }

  // Broken input.

  @Test
  void numbersThatAreNotFiniteAreRefused() {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> factor(Gptq.DEFAULT, 1, 0, Double.NaN, 1))
        .withMessageStartingWith("Hessian: row 1, column 0: NaN (expected a finite number)");
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> factor(Gptq.DEFAULT, 1, 0, 0, -1))
        .withMessageStartingWith("Hessian: diagonal of column 1: -1.0 (expected a sum of squares");
    GptqFactor factor = factor(Gptq.DEFAULT, 1, 0, 0, 1);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> Gptq.DEFAULT.encode(new float[] {1, 1, 1, Float.NaN}, 2, factor, SCHEME))
        .withMessageStartingWith("weight in row 1, column 1: NaN (expected finite weights)");
  }

  @Test
  void sizesFit() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Gptq.DEFAULT.factor(new double[8], 3, Drawn.ALGEBRA))
        .withMessageContaining("8 numbers for 3 columns");
    GptqFactor factor = factor(Gptq.DEFAULT, 1, 0, 0, 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Gptq.DEFAULT.encode(new float[3], 2, factor, SCHEME))
        .withMessageContaining("3 weights (expected 2 rows of 2 columns");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            factor.loss(
                new float[3], new NearestRounding(new Extremes()).encode(new float[3], 1, SCHEME)))
        .withMessageContaining("for a Hessian of 2 columns");
  }

  @Test
  void optionsMakeSense() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> gptq(-0.01, 0))
        .withMessageContaining("gptq: damping -0.01 (expected at least 0");
    assertThatIllegalArgumentException().isThrownBy(() -> gptq(Double.NaN, 0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> gptq(0, -1))
        .withMessageContaining("gptq: -1 retries");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Gptq(0, 0, Order.STORED, GroupScales.UPDATED, 0, new Extremes()))
        .withMessageContaining("gptq: blocks of 0 columns");
  }
}
