package io.moepress.recipes.linear;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.recipes.linear.LinearAlgebra.Part;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Products, factors and eigenvectors as they are defined.
class PlainAlgebraTest {
  private static final LinearAlgebra ALGEBRA = new PlainAlgebra();

  @Test
  void aProductIsRowsTimesColumns() {
    double[] a = {1, 2, 3, 4, 5, 6}; // [2, 3]
    double[] b = {1, 0, 2, 1, 0, 3}; // [3, 2]

    assertThat(ALGEBRA.product(a, b, 2, 3, 2)).containsExactly(5, 11, 14, 23);
    assertThat(ALGEBRA.productTransposed(a, a, 2, 3, 2)).containsExactly(14, 32, 32, 77);
  }

  @Test
  void productsAreAddedToPartsOfMatrices() {
    double[] a = {1, 2, 3, 4, 5, 6}; // [2, 3]
    double[] b = {1, 0, 2, 1, 0, 3}; // [3, 2]
    double[] sum = {1, 1, 1, 1, 1, 1}; // [2, 3]
    Part lastTwo = new Part(a, 1, 2, 2, 3); // [[2, 3], [5, 6]]

    ALGEBRA.addProduct(lastTwo, new Part(b, 2, 2, 2, 2), new Part(sum, 0, 2, 2, 3));
    assertThat(sum).containsExactly(5, 12, 1, 11, 24, 1);

    ALGEBRA.addTransposedProduct(lastTwo, Part.of(a, 2, 3), Part.of(sum, 2, 3));
    assertThat(sum).containsExactly(5 + 22, 12 + 29, 1 + 36, 11 + 27, 24 + 36, 1 + 45);
  }

  @Test
  void partsLieInsideTheirMatrix() {
    double[] matrix = new double[6];

    assertThatIllegalArgumentException().isThrownBy(() -> new Part(matrix, 1, 2, 3, 3));
    assertThatIllegalArgumentException().isThrownBy(() -> new Part(matrix, 0, 1, 3, 2));
    assertThatIllegalArgumentException().isThrownBy(() -> new Part(matrix, -1, 1, 1, 3));
    assertThat(new Part(matrix, 1, 2, 2, 3).columns()).isEqualTo(2);
  }

  @Test
  void aFactorIsTheLowerTriangle() {
    double[] matrix = {4, 99, 2, 10}; // what is above the diagonal is not read

    assertThat(ALGEBRA.factorise(matrix, 2)).isTrue();
    assertThat(matrix).containsExactly(2, 0, 1, 3);
  }

  @ParameterizedTest
  @ValueSource(doubles = {4, 4.5, Double.NaN})
  void whatIsNotPositiveDefiniteHasNoFactor(double corner) {
    assertThat(ALGEBRA.factorise(new double[] {1, 0, 2, 8 - corner}, 2)).isFalse();
  }

  @Test
  void eigenvaluesAscend() {
    LinearAlgebra.Eigen found = ALGEBRA.eigen(new double[] {2, 1, 1, 2}, 2);

    assertThat(found.values()).containsExactly(new double[] {1, 3}, within(1e-15));
    assertThat(Math.abs(found.vectors()[2])).isCloseTo(Math.sqrt(0.5), within(1e-15));
    assertThat(found.vectors()[2]).isCloseTo(found.vectors()[3], within(1e-15));
  }

  /// A matrix times an eigenvector is the vector times its value: n roundings of numbers up to n.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 17})
  void vectorsAreTurnedIntoTheirMultiples(int order) {
    double[] matrix = symmetric(order);
    LinearAlgebra.Eigen found = ALGEBRA.eigen(matrix, order);

    double[] turned = ALGEBRA.product(found.vectors(), matrix, order, order, order);
    for (int i = 0; i < order; i++) {
      for (int j = 0; j < order; j++) {
        assertThat(turned[i * order + j])
            .isCloseTo(
                found.values()[i] * found.vectors()[i * order + j], within(1e-14 * order * order));
      }
    }
    double[] products =
        ALGEBRA.productTransposed(found.vectors(), found.vectors(), order, order, order);
    assertThat(products[0]).isCloseTo(1, within(1e-14 * order));
  }

  private static double[] symmetric(int order) {
    SplittableRandom random = new SplittableRandom(order);
    double[] matrix = new double[order * order];
    for (int i = 0; i < order; i++) {
      for (int j = i; j < order; j++) {
        matrix[i * order + j] = random.nextDouble(-1, 1);
        matrix[j * order + i] = matrix[i * order + j];
      }
    }
    return matrix;
  }
}
