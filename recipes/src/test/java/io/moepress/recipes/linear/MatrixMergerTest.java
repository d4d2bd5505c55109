package io.moepress.recipes.linear;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Matrices of several experts as one.
class MatrixMergerTest {
  private static final int ROWS = 6;
  private static final int COLUMNS = 9;
  private static final LinearAlgebra ALGEBRA = new PlainAlgebra();

  /// Rounding of sums and products of a few numbers below 3.
  private static final double TOLERANCE = 1e-12;

  /// A down projection of Qwen3-30B-A3B, projected: its sum of squares alone has 2048² numbers.
  @Test
  void whatAProjectionHoldsIsKnownBefore() {
    ExpertMatrix down = new ExpertMatrix(Projection.DOWN, 2048, 768, 0, 768, 1);

    assertThat(MatrixMerger.heldBytes(down, 1024)).isEqualTo(8L * (2048 * 768 + 2048 * 2048));
    assertThat(MatrixMerger.heldBytes(down, 2048)).isEqualTo(8L * 2048 * 768);
    assertThat(MatrixMerger.workingBytes(down, 1024))
        .isEqualTo(8L * (3 * 2048 * 768 + 5 * 2048 * 2048));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void fullRankIsTheWeightedMean(long seed) {
    double[][] matrices = random(seed, 3);

    MatrixMerger merger = merger(ROWS);
    add(merger, matrices, 0.5, 0.2, 0.3);

    assertThat(merger.result()).containsExactly(mean(matrices, 0.5, 0.2, 0.3), within(TOLERANCE));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void theErrorFallsWithTheRankAndTheEnergyGrows(long seed) {
    double[][] matrices = random(seed, 3);
    double[] mean = mean(matrices, 0.5, 0.2, 0.3);
    double error = Double.POSITIVE_INFINITY;
    double energy = 0;
    for (int rank = 1; rank < ROWS; rank++) {
      MatrixMerger merger = merger(rank);
      add(merger, matrices, 0.5, 0.2, 0.3);

      double now = distance(merger.result(), mean);
      assertThat(now).isPositive().isLessThanOrEqualTo(error);
      assertThat(energy(merger, rank)).isGreaterThan(energy).isLessThan(merger.space().total());
      error = now;
      energy = energy(merger, rank);
    }
  }

  /// What lies in the shared space already stays where it is.
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5})
  void projectingTwiceIsProjectingOnce(int rank) {
    MatrixMerger once = merger(rank);
    add(once, random(4, 2), 0.5, 0.5);
    double[] projected = once.result();

    MatrixMerger twice = merger(rank);
    twice.add(projected, 1, null);

    assertThat(twice.result()).containsExactly(projected, within(TOLERANCE));
    assertThat(energy(twice, rank)).isCloseTo(twice.space().total(), within(TOLERANCE * ROWS));
  }

  /// Rank 2 in two matrices of the same two directions.
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5})
  void expertsThatAreAlikeStayAsTheyAreAtTheirOwnRank(int rank) {
    double[] left = numbers(5, ROWS * 2);
    double[] matrix = ALGEBRA.product(left, numbers(6, 2 * COLUMNS), ROWS, 2, COLUMNS);

    MatrixMerger merger = merger(rank);
    merger.add(matrix, 0.3, null);
    merger.add(matrix, 0.7, null);

    assertThat(merger.result()).containsExactly(matrix, within(TOLERANCE));
  }

  /// The second expert is the first with its neurons turned round.
  @ParameterizedTest
  @ValueSource(strings = {"GATE", "UP", "DOWN"})
  void neuronsGoWhereTheyAreSent(Projection projection) {
    ExpertMatrix shape = new ExpertMatrix(projection, ROWS, COLUMNS, 0, COLUMNS, 1);
    boolean byRow = projection.hasNeuronsAsRows();
    int neurons = byRow ? ROWS : COLUMNS;
    double[] matrix = numbers(7, ROWS * COLUMNS);
    double[] turned = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      int row = i / COLUMNS;
      int column = i % COLUMNS;
      int source =
          byRow ? (neurons - 1 - row) * COLUMNS + column : row * COLUMNS + neurons - 1 - column;
      turned[i] = matrix[source];
    }
    int[] places = IntStream.range(0, neurons).map(i -> neurons - 1 - i).toArray();

    MatrixMerger merger = new MatrixMerger(shape, ROWS, ALGEBRA);
    merger.add(matrix, 0.25, null);
    merger.add(turned, 0.75, places);

    assertThat(merger.result()).containsExactly(matrix, within(TOLERANCE));
  }

  /// Three neurons of the second expert go to the first of the first expert, and none to the
  /// others.
  @Test
  void severalNeuronsMayGoToOnePlace() {
    ExpertMatrix shape = new ExpertMatrix(Projection.UP, 3, 1, 0, 1, 1);
    MatrixMerger merger = new MatrixMerger(shape, 3, ALGEBRA);
    merger.add(new double[] {1, 2, 3}, 0.5, null);
    merger.add(new double[] {5, 6, 8}, 0.5, new int[] {0, 0, 0});

    assertThat(merger.result()).containsExactly(new double[] {5, 2, 3}, within(TOLERANCE));
  }

  @Test
  void aPlaceForNobodyIsRefused() {
    ExpertMatrix shape = new ExpertMatrix(Projection.UP, 2, 1, 0, 1, 1);
    MatrixMerger merger = new MatrixMerger(shape, 2, ALGEBRA);
    merger.add(new double[] {1, 2}, 1, new int[] {0, 0});

    assertThatIllegalArgumentException()
        .isThrownBy(merger::result)
        .withMessageContaining("no neuron goes to place 1");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, ROWS + 1})
  void aRankThatTheMatrixHasNotIsRefused(int rank) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> merger(rank))
        .withMessageContaining("rank " + rank);
  }

  private static double energy(MatrixMerger merger, int rank) {
    return merger.space().basis(rank).energy();
  }

  /// A mean goes where it is told, whatever its own space.
  @Test
  void aGivenBasisIsWhatItIsProjectedOn() {
    double[] basis = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}; // rows 0 and 3
    double[][] matrices = random(8, 2);
    MatrixMerger merger =
        new MatrixMerger(
            new ExpertMatrix(Projection.GATE, ROWS, COLUMNS, 0, COLUMNS, 1), 2, basis, ALGEBRA);
    add(merger, matrices, 0.25, 0.75);

    double[] expected = mean(matrices, 0.25, 0.75);
    for (int i = 0; i < expected.length; i++) {
      expected[i] = i / COLUMNS == 0 || i / COLUMNS == 3 ? expected[i] : 0;
    }
    assertThat(merger.result()).containsExactly(expected, within(TOLERANCE));
  }

  private static MatrixMerger merger(int rank) {
    return new MatrixMerger(
        new ExpertMatrix(Projection.GATE, ROWS, COLUMNS, 0, COLUMNS, 1), rank, ALGEBRA);
  }

  private static void add(MatrixMerger merger, double[][] matrices, double... weights) {
    for (int i = 0; i < matrices.length; i++) {
      merger.add(matrices[i], weights[i], null);
    }
  }

  private static double[] mean(double[][] matrices, double... weights) {
    double[] mean = new double[ROWS * COLUMNS];
    for (int m = 0; m < matrices.length; m++) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += weights[m] * matrices[m][i];
      }
    }
    return mean;
  }

  private static double distance(double[] a, double[] b) {
    return Math.sqrt(
        IntStream.range(0, a.length).mapToDouble(i -> (a[i] - b[i]) * (a[i] - b[i])).sum());
  }

  private static double[][] random(long seed, int count) {
    return List.of(0, 1, 2).subList(0, count).stream()
        .map(i -> numbers(10 * seed + i, ROWS * COLUMNS))
        .toArray(double[][]::new);
  }

  private static double[] numbers(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    return IntStream.range(0, count).mapToDouble(i -> random.nextDouble(-1, 1)).toArray();
  }
}
