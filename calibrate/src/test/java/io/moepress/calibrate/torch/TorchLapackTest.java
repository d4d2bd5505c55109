package io.moepress.calibrate.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.linear.Lapack;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.LinearAlgebra.Eigen;
import io.moepress.recipes.linear.PlainAlgebra;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The library against plain Java.
class TorchLapackTest {
  private static final LinearAlgebra LAPACK = LinearAlgebra.best();
  private static final LinearAlgebra PLAIN = new PlainAlgebra();

  @Test
  void isFoundAsAService() {
    assertThat(LAPACK).isInstanceOf(Lapack.class);
  }

  /// Sums of `inner` products below 1, in another order.
  @ParameterizedTest
  @CsvSource({"1, 1, 1", "2, 3, 4", "5, 1, 7", "17, 33, 9", "64, 100, 31"})
  void productsAreTheSame(int rows, int inner, int columns) {
    double[] a = random(rows * inner, 1);
    double[] b = random(inner * columns, 2);

    assertThat(LAPACK.product(a, b, rows, inner, columns))
        .containsExactly(PLAIN.product(a, b, rows, inner, columns), within(1e-15 * inner));
    assertThat(LAPACK.productTransposed(a, b, rows, inner, columns))
        .containsExactly(
            PLAIN.productTransposed(a, b, rows, inner, columns), within(1e-15 * inner));
  }

  /// Vectors are unique up to their sign only, so what they span is compared.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 20, 128})
  void eigenvectorsSpanTheSame(int order) {
    double[] rows = random(order * order, order);
    double[] matrix = PLAIN.productTransposed(rows, rows, order, order, order);

    Eigen found = LAPACK.eigen(matrix, order);
    Eigen expected = PLAIN.eigen(matrix, order);

    assertThat(found.values()).containsExactly(expected.values(), within(1e-6));
    int half = (order + 1) / 2;
    assertThat(projection(found, half, order))
        .containsExactly(projection(expected, half, order), within(1e-6));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 20, 128})
  void eigenvaluesAloneAreThoseOfTheVectors(int order) {
    double[] rows = random(order * order, order);
    double[] matrix = PLAIN.productTransposed(rows, rows, order, order, order);

    double[] found = LAPACK.eigenvalues(matrix, order);

    assertThat(found).isSorted();
    assertThat(found).containsExactly(LAPACK.eigen(matrix, order).values(), within(1e-12 * order));
    assertThat(found).containsExactly(PLAIN.eigenvalues(matrix, order), within(1e-6));
  }

  /// On the space of the eigenvectors with the `rank` largest values.
  private static double[] projection(Eigen eigen, int rank, int order) {
    double[] projection = new double[order * order];
    for (int vector = order - rank; vector < order; vector++) {
      for (int i = 0; i < order; i++) {
        for (int j = 0; j < order; j++) {
          projection[i * order + j] +=
              eigen.vectors()[vector * order + i] * eigen.vectors()[vector * order + j];
        }
      }
    }
    return projection;
  }

  private static double[] random(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextDouble(-1, 1);
    }
    return values;
  }
}
