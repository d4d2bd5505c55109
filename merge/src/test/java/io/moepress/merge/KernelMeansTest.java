package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// K-means by scalar products alone.
class KernelMeansTest {

  /// Three heaps of four items each, far apart.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void heapsAreFound(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] rows = new double[12][];
    for (int i = 0; i < 12; i++) {
      rows[i] = new double[] {random.nextDouble(), random.nextDouble(), 100 * (i % 3)};
    }

    Clusters clusters = new KernelMeans(products(rows), 10, seed).cluster(items(12), 3);

    assertThat(clusters.members())
        .containsExactly(List.of(0, 3, 6, 9), List.of(1, 4, 7, 10), List.of(2, 5, 8, 11));
  }

  /// All items are alike, so all but one of the clusters are left empty at first.
  @Test
  void noClusterStaysEmpty() {
    double[][] ones = new double[6][6];
    for (double[] row : ones) {
      Arrays.fill(row, 1);
    }

    for (int count = 1; count <= 6; count++) {
      Clusters clusters = new KernelMeans(ones, 3, 7).cluster(items(6), count);

      assertThat(clusters.members()).hasSize(count).noneMatch(List::isEmpty);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 14, 15})
  void everyItemIsInOneCluster(int count) {
    for (long seed = 0; seed < 20; seed++) {
      Clusters clusters = new KernelMeans(random(seed, 15), 2, seed).cluster(items(15), count);

      assertThat(clusters.members()).hasSize(count);
      assertThat(clusters.members().stream().flatMap(List::stream))
          .containsExactlyInAnyOrderElementsOf(items(15));
    }
  }

  /// No single move makes the sum of squares smaller than several starts found it.
  @Test
  void everyItemIsNearestToItsOwnMean() {
    for (long seed = 0; seed < 10; seed++) {
      double[][] kernel = random(seed, 20);
      List<List<Integer>> clusters =
          new KernelMeans(kernel, 5, seed).cluster(items(20), 4).members();

      for (List<Integer> own : clusters) {
        for (int item : own) {
          double distance = distance(kernel, item, own);
          assertThat(clusters).allMatch(other -> distance(kernel, item, other) > distance - 1e-9);
        }
      }
    }
  }

  private static double distance(double[][] kernel, int item, List<Integer> cluster) {
    double cross = 0;
    double inner = 0;
    for (int a : cluster) {
      cross += kernel[item][a];
      for (int b : cluster) {
        inner += kernel[a][b];
      }
    }
    int size = cluster.size();
    return kernel[item][item] - 2 * cross / size + inner / size / size;
  }

  @Test
  void oneSeedGivesOneAnswer() {
    double[][] kernel = random(3, 30);

    assertThat(new KernelMeans(kernel, 4, 9).cluster(items(30), 7))
        .isEqualTo(new KernelMeans(kernel, 4, 9).cluster(items(30), 7));
  }

  @Test
  void someItemsOnly() {
    Clusters clusters = new KernelMeans(random(1, 9), 2, 1).cluster(List.of(2, 5, 7), 2);

    assertThat(clusters.members().stream().flatMap(List::stream))
        .containsExactlyInAnyOrder(2, 5, 7);
  }

  @Test
  void noStartIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new KernelMeans(new double[0][0], 0, 1))
        .withMessageContaining("starts: 0");
  }

  private static List<Integer> items(int count) {
    return IntStream.range(0, count).boxed().toList();
  }

  private static double[][] random(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] rows = new double[count][5];
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextDouble(-1, 1);
      }
    }
    return products(rows);
  }

  private static double[][] products(double[][] rows) {
    double[][] products = new double[rows.length][rows.length];
    for (int a = 0; a < rows.length; a++) {
      for (int b = 0; b < rows.length; b++) {
        for (int i = 0; i < rows[a].length; i++) {
          products[a][b] += rows[a][i] * rows[b][i];
        }
      }
    }
    return products;
  }
}
