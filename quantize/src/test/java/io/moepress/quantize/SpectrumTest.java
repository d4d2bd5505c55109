package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpectrumTest {

  /// Quantiles of a Pareto distribution with a density `λ^−3`.
  @ParameterizedTest
  @CsvSource({"100, 2.996953", "500, 2.999387"})
  void hillFindsTheExponentOfParetoQuantiles(int tail, double expected) {
    double[] values = new double[1000];
    Arrays.setAll(values, i -> Math.pow(1 - (i + 0.5) / 1000, -0.5));
    Spectrum spectrum = new Spectrum(values);

    assertThat(spectrum.hill(tail)).isCloseTo(expected, within(5e-7));
    assertThat(spectrum.alpha()).isEqualTo(spectrum.hill(100));
    assertThat(spectrum.middle()).isCloseTo(3, within(0.02));
  }

  /// `α` of independent normal numbers. Of `κ` eigenvalues the estimate has a standard deviation of
  /// at most `(α − 1) / √κ`: 0.19, 0.54 and 1.5.
  @ParameterizedTest
  @CsvSource({"1024, 1024, 6.40, 0.05", "256, 512, 6.40, 0.6", "64, 128, 5.6, 0.6"})
  void normalNumbersHaveAnExponentOfTheirOwn(
      int rows, int columns, double expected, double tolerance) {
    Spectrum spectrum = Spectrum.of(normal(rows, columns, 1), rows, columns, 0);

    assertThat(spectrum.alpha()).isCloseTo(expected, within(tolerance));
  }

  /// Float64 products of 128 terms; the logarithm of an eigenvalue is off by as much as it is.
  @ParameterizedTest
  @CsvSource({"256, 384", "100, 130", "130, 100", "300, 260"})
  void itDoesNotChangeWhenTheMatrixIsMultipliedOrTurned(int rows, int columns) {
    double[] matrix = normal(rows, columns, 2);
    double[] turned = new double[matrix.length];
    double[] times = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      turned[i % columns * rows + i / columns] = matrix[i];
      times[i] = 0.003 * matrix[i];
    }
    double alpha = Spectrum.of(matrix, rows, columns, 0).alpha();

    assertThat(Spectrum.of(times, rows, columns, 0).alpha()).isCloseTo(alpha, within(1e-9));
    assertThat(Spectrum.of(turned, columns, rows, 0).alpha()).isCloseTo(alpha, within(1e-9));
  }

  /// The squares of singular values add up to the squares of all elements.
  @Test
  void tilesLieSideBySideAndLeaveTheEdgesOut() {
    double[] matrix = normal(300, 270, 3);
    double squares = 0;
    for (int row = 0; row < 256; row++) {
      for (int column = 0; column < 256; column++) {
        squares += matrix[row * 270 + column] * matrix[row * 270 + column];
      }
    }

    Spectrum spectrum = Spectrum.of(matrix, 300, 270, 0);

    assertThat(spectrum.eigenvalues()).hasSize(4 * 128).isSorted();
    assertThat(Arrays.stream(spectrum.eigenvalues()).sum())
        .isCloseTo(squares, within(1e-9 * squares));
  }

  @Test
  void aNarrowMatrixIsTakenWhole() {
    double[] matrix = normal(40, 300, 4);

    Spectrum spectrum = Spectrum.of(matrix, 40, 300, 0);

    assertThat(spectrum.eigenvalues()).hasSize(40);
    assertThat(Arrays.stream(spectrum.eigenvalues()).sum())
        .isCloseTo(Arrays.stream(matrix).map(value -> value * value).sum(), within(1e-8));
  }

  @Test
  void ofManyTilesSomeAreDrawnByTheSeed() {
    int[] drawn = Spectrum.drawn(1000, 7);

    assertThat(drawn).hasSize(256).isSorted().doesNotHaveDuplicates();
    assertThat(Spectrum.drawn(1000, 7)).isEqualTo(drawn);
    assertThat(Spectrum.drawn(1000, 8)).isNotEqualTo(drawn);
    assertThat(Spectrum.drawn(256, 7)).hasSize(256).startsWith(0, 1, 2).endsWith(254, 255);
  }

  /// Each tile in about a quarter of 400 draws: five standard deviations of 8.66 around 102.4.
  @Test
  void everyTileIsAsLikely() {
    int[] counts = new int[1000];
    for (int seed = 0; seed < 400; seed++) {
      for (int tile : Spectrum.drawn(1000, seed)) {
        counts[tile]++;
      }
    }

    assertThat(Arrays.stream(counts).min().orElseThrow()).isGreaterThan(102 - 44);
    assertThat(Arrays.stream(counts).max().orElseThrow()).isLessThan(102 + 44);
  }

  @Test
  void equalEigenvaluesHaveNoTail() {
    double[] identity = new double[128 * 128];
    for (int i = 0; i < 128; i++) {
      identity[i * 129] = 2;
    }

    assertThat(Spectrum.of(identity, 128, 128, 0).alpha()).isInfinite();
    assertThat(Spectrum.of(new double[128 * 128], 128, 128, 0).alpha()).isInfinite();
    assertThatIllegalArgumentException().isThrownBy(() -> new Spectrum(new double[5]).hill(5));
  }

  private static double[] normal(int rows, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[rows * columns];
    Arrays.setAll(values, _ -> random.nextGaussian());
    return values;
  }
}
