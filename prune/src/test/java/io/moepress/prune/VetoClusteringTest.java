package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.assertj.core.api.Assertions;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// STUN's clustering: by hand, against an independent implementation, and what must always hold.
class VetoClusteringTest {

  /// Experts at 0, 1 and 2.5 on a line.
  private static final double[][] LINE = line(0, 1, 2.5);

  @Test
  void nothingIsUnitedBelowTheSmallestDistance() {
    assertThat(new VetoClustering(LINE).clusters(Double.NEGATIVE_INFINITY, 1))
        .containsExactly(List.of(0), List.of(1), List.of(2));
    assertThat(new VetoClustering(LINE).clusters(1, 1)).hasSize(3);
  }

  @Test
  void nearExpertsAreUnited() {
    assertThat(new VetoClustering(LINE).clusters(1.2, 1))
        .containsExactly(List.of(0, 1), List.of(2));
  }

  /// 1 and 2.5 are near enough, but 0, which is with 1 by then, is too far from 2.5.
  @Test
  void aMemberThatIsTooFarAwayVetoes() {
    assertThat(new VetoClustering(LINE).clusters(2, 1)).containsExactly(List.of(0, 1), List.of(2));
    assertThat(new VetoClustering(LINE).clusters(2.6, 1)).containsExactly(List.of(0, 1, 2));
  }

  /// Complete linkage would not unite these: 0 and 3 are 9 apart. Only the experts of the pair that
  /// gives the occasion are looked at.
  @Test
  void pairsAcrossThatGaveNoOccasionAreNotLookedAt() {
    double[][] distances = line(0, 0, 0, 0);
    set(distances, 0, 1, 1);
    set(distances, 2, 3, 1.1);
    set(distances, 1, 2, 2);
    set(distances, 0, 2, 2.5);
    set(distances, 1, 3, 2.5);
    set(distances, 0, 3, 9);

    assertThat(new VetoClustering(distances).clusters(3, 1)).containsExactly(List.of(0, 1, 2, 3));
  }

  @Test
  void unitingStopsAtTheFewest() {
    assertThat(new VetoClustering(LINE).clusters(9, 2)).containsExactly(List.of(0, 1), List.of(2));
  }

  @Test
  void infinitelyFarExpertsAreNeverUnited() {
    double[][] distances = line(0, 1, 2.5);
    set(distances, 0, 1, Double.POSITIVE_INFINITY);

    assertThat(new VetoClustering(distances).clusters(Double.POSITIVE_INFINITY, 1))
        .containsExactly(List.of(0), List.of(1, 2));
  }

  @Test
  void identicalRouterRowsAreUnitedFirst() throws IOException {
    float[][] rows = {{1, 2}, {3, 1}, {1, 2}, {-4, 0}};
    double[][] distances =
        new BehaviourDistance.Router(true).of(() -> rows, new Evidence.Layer(4, Map.of()));

    assertThat(new VetoClustering(distances).clusters(1e-12, 1))
        .containsExactly(List.of(0, 2), List.of(1), List.of(3));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void renamingExpertsRenamesClusters(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] places = random.doubles(12).toArray();
    int[] order = shuffled(12, random);
    double[] moved = IntStream.of(order).mapToDouble(i -> places[i]).toArray();

    for (double threshold : new double[] {0.05, 0.2, 0.5}) {
      List<List<Integer>> expected = new VetoClustering(line(places)).clusters(threshold, 1);
      List<List<Integer>> found = new VetoClustering(line(moved)).clusters(threshold, 1);
      assertThat(found.stream().map(group -> renamed(group, order)))
          .containsExactlyInAnyOrderElementsOf(expected);
    }
  }

  /// Router distances and clusters of a trained model, computed by an independent implementation.
  @Test
  void goldenClusters() throws IOException {
    JsonNode layers =
        Json.object(TestData.path("golden/models/tiny-mixtral.methods.json")).get("layers");
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(TestData.path("models/tiny-mixtral"))) {
      MoeModel model = MoeModel.of(checkpoint);
      int compared = 0;
      for (int layer : model.layout().moeLayers()) {
        JsonNode golden = layers.get("" + layer).get("stun");
        float[][] rows = RouterRows.read(model, TensorId.ofLayer(TensorRole.ROUTER, layer));
        double[][] distances =
            new BehaviourDistance.Router(true).of(() -> rows, new Evidence.Layer(8, Map.of()));
        assertDistances(distances, golden.get("router_distance_normalised"));
        VetoClustering clustering = new VetoClustering(distances);
        for (Map.Entry<String, JsonNode> entry : golden.get("clusters_by_threshold").properties()) {
          Assertions.assertThat(clustering.clusters(Double.parseDouble(entry.getKey()), 1))
              .as("layer %s, threshold %s", layer, entry.getKey())
              .isEqualTo(clusters(entry.getValue()));
          compared++;
        }
      }
      assertThat(compared).isEqualTo(16);
    }
  }

  // The search for a threshold.

  @Test
  void theSearchFindsTheWantedNumberOverAllLayers() {
    SplittableRandom random = new SplittableRandom(11);
    SortedMap<Integer, VetoClustering> layers = new TreeMap<>();
    for (int layer = 0; layer < 6; layer++) {
      layers.put(layer, new VetoClustering(line(random.doubles(32).toArray())));
    }
    SortedMap<Integer, Integer> least = new TreeMap<>();

    for (int total : new int[] {6, 48, 96, 150, 191, 192}) {
      assertThat(count(new ThresholdSearch(layers, least).clusters(total))).isEqualTo(total);
    }
  }

  @Test
  void aNumberThatIsSkippedGivesTheNearest() {
    // All four distances are equal: four clusters, or one.
    double[][] equal = line(0, 0, 0, 0);
    for (double[] row : equal) {
      Arrays.fill(row, 1);
    }
    SortedMap<Integer, VetoClustering> layers = new TreeMap<>(Map.of(0, new VetoClustering(equal)));

    assertThat(count(new ThresholdSearch(layers, new TreeMap<>()).clusters(2))).isEqualTo(1);
    assertThat(count(new ThresholdSearch(layers, new TreeMap<>()).clusters(3))).isEqualTo(4);
  }

  @Test
  void ofTwoEquallyNearTheLargerWins() {
    double[][] distances = line(0, 1, 2);
    for (double[] row : distances) {
      Arrays.fill(row, 1);
    }
    SortedMap<Integer, VetoClustering> layers =
        new TreeMap<>(Map.of(0, new VetoClustering(distances)));

    assertThat(count(new ThresholdSearch(layers, new TreeMap<>()).clusters(2))).isEqualTo(3);
  }

  @Test
  void noLayerFallsBelowItsFewest() {
    SortedMap<Integer, VetoClustering> layers =
        new TreeMap<>(
            Map.of(0, new VetoClustering(line(0, 0.1, 0.2, 0.3)), 1, new VetoClustering(LINE)));

    assertThat(new ThresholdSearch(layers, new TreeMap<>(Map.of(0, 2, 1, 2))).clusters(1))
        .hasEntrySatisfying(0, clusters -> assertThat(clusters).hasSize(2))
        .hasEntrySatisfying(1, clusters -> assertThat(clusters).hasSize(2));
  }

  private static int count(SortedMap<Integer, List<List<Integer>>> clusters) {
    return clusters.values().stream().mapToInt(List::size).sum();
  }

  private static void assertDistances(double[][] found, JsonNode golden) {
    for (int i = 0; i < found.length; i++) {
      for (int j = 0; j < found.length; j++) {
        assertThat(found[i][j]).isCloseTo(golden.get(i).get(j).asDouble(), Offset.offset(1e-6));
      }
    }
  }

  private static List<List<Integer>> clusters(JsonNode golden) {
    List<List<Integer>> clusters = new ArrayList<>();
    for (JsonNode cluster : golden) {
      List<Integer> members = new ArrayList<>();
      cluster.forEach(member -> members.add(member.asInt()));
      clusters.add(members);
    }
    return clusters;
  }

  private static List<Integer> renamed(List<Integer> group, int[] order) {
    return group.stream().map(expert -> order[expert]).sorted().toList();
  }

  private static int[] shuffled(int count, SplittableRandom random) {
    int[] order = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int kept = order[i];
      order[i] = order[other];
      order[other] = kept;
    }
    return order;
  }

  private static double[][] line(double... places) {
    double[][] distances = new double[places.length][places.length];
    for (int i = 0; i < places.length; i++) {
      for (int j = 0; j < places.length; j++) {
        distances[i][j] = Math.abs(places[i] - places[j]);
      }
    }
    return distances;
  }

  private static void set(double[][] distances, int i, int j, double distance) {
    distances[i][j] = distance;
    distances[j][i] = distance;
  }
}
