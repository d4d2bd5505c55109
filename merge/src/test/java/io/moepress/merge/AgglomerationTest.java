package io.moepress.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.json.Json;
import io.moepress.recipes.plan.MergeExperts.Join;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Clusters that join.
class AgglomerationTest {

  /// The distances of a trained model, clustered by the reference implementation.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void averageLinkageIsTheReferenceImplementations(int layer) throws IOException {
    JsonNode golden =
        Json.object(TestData.path("golden/models/tiny-mixtral.methods.json"))
            .at("/layers/" + layer + "/hc_smoe");
    double[][] distances = new double[8][8];
    for (int a = 0; a < 8; a++) {
      for (int b = 0; b < 8; b++) {
        distances[a][b] = golden.get("distance").get(a).get(b).asDouble();
      }
    }

    Clusters clusters = new Agglomeration(distances, Linkage.AVERAGE).cluster(items(8), 4);

    assertThat(clusters.members().toString().replace(" ", ""))
        .isEqualTo(golden.get("clusters_half").toString());
    for (int i = 0; i < 4; i++) { // eight digits are in the file
      assertThat(clusters.joins().get(i).height())
          .isCloseTo(golden.get("merge_heights").get(i).asDouble(), within(1e-6));
    }
  }

  /// Two pairs and one that stands apart: whatever the linkage, nobody joins the far one.
  @ParameterizedTest
  @EnumSource(Linkage.class)
  void nearestJoinFirst(Linkage linkage) {
    Clusters clusters =
        new Agglomeration(line(0, 0.1, 10, 10.15, 20), linkage).cluster(items(5), 3);

    assertThat(clusters.members()).containsExactly(List.of(0, 1), List.of(2, 3), List.of(4));
    assertThat(clusters.joins()).extracting(Join::first).containsExactly(0, 2);
    assertThat(clusters.joins().getFirst().height()).isCloseTo(0.1, within(1e-12));
  }

  /// Points 0, 1 and 3 on a line: the pair at 0 and 1 joins at 1, and then the third.
  @ParameterizedTest
  @EnumSource(Linkage.class)
  void heightsAreWhatTheLinkageSays(Linkage linkage) {
    double height =
        switch (linkage) {
          case AVERAGE -> 2.5;
          case SINGLE -> 2;
          case COMPLETE -> 3;
          case WARD -> Math.sqrt(4.0 / 3) * 2.5; // √(2ab/(a+b)) between centres 0.5 and 3
        };

    Clusters clusters = new Agglomeration(line(0, 1, 3), linkage).cluster(items(3), 1);

    assertThat(clusters.joins().getLast().height()).isCloseTo(height, within(1e-12));
  }

  @ParameterizedTest
  @EnumSource(Linkage.class)
  void heightsNeverFall(Linkage linkage) {
    for (int seed = 0; seed < 20; seed++) {
      List<Join> joins = new Agglomeration(random(seed, 15), linkage).cluster(items(15), 1).joins();
      for (int i = 1; i < joins.size(); i++) { // a mean of equal numbers may round below them
        assertThat(joins.get(i).height())
            .as("seed %d, join %d", seed, i)
            .isGreaterThanOrEqualTo(joins.get(i - 1).height() - 1e-12);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Linkage.class)
  void anotherOrderOfExpertsGivesTheSameClusters(Linkage linkage) {
    for (int seed = 0; seed < 20; seed++) {
      double[][] distances = random(seed, 12);
      List<Integer> order = new ArrayList<>(items(12));
      Collections.shuffle(order, new Random(seed));
      double[][] moved = new double[12][12];
      for (int a = 0; a < 12; a++) {
        for (int b = 0; b < 12; b++) {
          moved[a][b] = distances[order.get(a)][order.get(b)];
        }
      }

      Clusters expected = new Agglomeration(distances, linkage).cluster(items(12), 5);
      Clusters found = new Agglomeration(moved, linkage).cluster(items(12), 5);

      List<List<Integer>> back =
          found.members().stream()
              .map(cluster -> cluster.stream().map(order::get).sorted().toList())
              .toList();
      assertThat(back).as("seed %d", seed).containsExactlyInAnyOrderElementsOf(expected.members());
    }
  }

  @Test
  void twinsJoinFirstAndTiesKeepTheLowerIndex() {
    Clusters clusters =
        new Agglomeration(line(5, 1, 1, 9, 5), Linkage.AVERAGE).cluster(items(5), 3);

    assertThat(clusters.joins()).containsExactly(new Join(0, 4, 0), new Join(1, 2, 0));
  }

  @Test
  void asManyClustersAsExpertsLeaveAllAlone() {
    Clusters clusters = new Agglomeration(line(1, 2, 3), Linkage.AVERAGE).cluster(items(3), 3);

    assertThat(clusters.members()).containsExactly(List.of(0), List.of(1), List.of(2));
    assertThat(clusters.joins()).isEmpty();
  }

  @Test
  void moreClustersThanExpertsAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Agglomeration(line(1, 2), Linkage.WARD).cluster(items(2), 3))
        .withMessageContaining("3 clusters of 2 items");
  }

  private static List<Integer> items(int count) {
    return IntStream.range(0, count).boxed().toList();
  }

  private static double[][] line(double... places) {
    double[][] rows = new double[places.length][];
    for (int i = 0; i < places.length; i++) {
      rows[i] = new double[] {places[i]};
    }
    return Distances.ofRows(rows);
  }

  private static double[][] random(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] rows = new double[count][4];
    for (double[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextDouble(-1, 1);
      }
    }
    return Distances.ofRows(rows);
  }
}
