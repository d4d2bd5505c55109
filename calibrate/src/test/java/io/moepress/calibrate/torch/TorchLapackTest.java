package io.moepress.calibrate.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.linear.Lapack;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.LinearAlgebra.Eigen;
import io.moepress.recipes.linear.LinearAlgebra.Part;
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

  /// The last is more than one piece of work.
  @ParameterizedTest
  @CsvSource({"1, 1, 1", "2, 3, 4", "5, 1, 7", "17, 33, 9", "64, 100, 31", "700, 600, 1300"})
  void productsAreAddedToTheSameParts(int rows, int inner, int columns) {
    Part a = part(rows, inner, 1);
    Part turned = part(inner, rows, 2);
    Part b = part(inner, columns, 3);
    Part found = part(rows, columns, 4);
    Part expected = part(rows, columns, 4);

    LAPACK.addProduct(a, b, found);
    PLAIN.addProduct(a, b, expected);
    assertThat(furthest(found, expected)).isLessThan(1e-15 * inner);

    LAPACK.addTransposedProduct(turned, b, found);
    PLAIN.addTransposedProduct(turned, b, expected);
    assertThat(furthest(found, expected)).isLessThan(2e-15 * inner);
  }

  private static double furthest(Part found, Part expected) {
    double furthest = 0;
    for (int i = 0; i < expected.values().length; i++) {
      furthest = Math.max(furthest, Math.abs(found.values()[i] - expected.values()[i]));
    }
    return furthest;
  }

  /// Rows of a matrix that has more columns.
  private static Part part(int rows, int columns, long seed) {
    return new Part(random((rows + 1) * (columns + 2), seed), 3, rows, columns, columns + 2);
  }

  /// A factor of numbers below `order` that is well conditioned.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 20, 128, 300})
  void factorsAreTheSame(int order) {
    double[] rows = random(order * order, order);
    double[] found = PLAIN.productTransposed(rows, rows, order, order, order);
    for (int i = 0; i < order; i++) {
      found[i * order + i] += order;
    }
    double[] expected = found.clone();

    assertThat(LAPACK.factorise(found, order)).isTrue();
    assertThat(PLAIN.factorise(expected, order)).isTrue();
    assertThat(found).containsExactly(expected, within(1e-14 * order));
  }

  @Test
  void neitherFactorisesWhatIsNotPositiveDefinite() {
    assertThat(LAPACK.factorise(new double[] {1, 0, 2, 3}, 2)).isFalse();
    assertThat(LAPACK.factorise(new double[] {1, 0, 0, Double.NaN}, 2)).isFalse();
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
