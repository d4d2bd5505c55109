package io.moepress.recipes.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class SmallestWeightsTest {

  /// Many ties, zeros of both signs, and magnitudes from the smallest float to nearly the largest.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void theSmallestProductsAreThoseASortPutsFirst(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    String[] patterns = {"0%", "1%", "40%", "73.5%", "99%", "2:4", "1:4", "3:4", "4:8"};
    for (int round = 0; round < 200; round++) {
      ZeroPattern pattern = ZeroPattern.parse(patterns[random.nextInt(patterns.length)]);
      int columns = 8 * random.nextInt(1, 30);
      float[] row = new float[columns];
      double[] norms = new double[columns];
      boolean coarse = random.nextBoolean();
      for (int i = 0; i < columns; i++) {
        row[i] =
            coarse
                ? random.nextInt(-2, 3)
                : (float) ((random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(-44, 38)));
        norms[i] = coarse ? random.nextInt(3) : random.nextDouble();
      }

      assertThat(found(pattern, norms, row, 0)).isEqualTo(naive(pattern, norms, row));
    }
  }

  private static List<Integer> found(ZeroPattern pattern, double[] norms, float[] row, int offset) {
    List<Integer> found = new ArrayList<>();
    new SmallestWeights(pattern, norms).find(row, offset, found::add);
    return found;
  }

  private static List<Integer> naive(ZeroPattern pattern, double[] norms, float[] row) {
    List<Integer> zeros = new ArrayList<>();
    int run = pattern.run(norms.length);
    for (int first = 0; first < norms.length; first += run) {
      IntStream.range(first, first + run)
          .boxed()
          .sorted(Comparator.comparingDouble(i -> Math.abs((double) row[i]) * norms[i]))
          .limit(pattern.zerosOf(norms.length))
          .forEach(zeros::add);
    }
    return zeros.stream().sorted().toList();
  }

  /// The toy layer's scores of MoE-Pruner: of each row of a gate projection the lowest go.
  @ParameterizedTest
  @CsvSource({"25%", "50%", "75%", "2:4", "1:2"})
  void theLowestScoresOfTheReferenceGo(String pattern) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    JsonNode weights = golden.at("/inputs/Wg/0");
    double[] norms = doubles(golden.at("/colnorm/gate2/inp/0"));
    double[] ones = {1, 1, 1, 1};
    for (int row = 0; row < weights.size(); row++) {
      float[] scores = floats(doubles(golden.at("/MoEPruner_S_gateproj_e0").get(row)));
      float[] row32 = floats(doubles(weights.get(row)));

      assertThat(found(ZeroPattern.parse(pattern), norms, row32, 0))
          .isEqualTo(naive(ZeroPattern.parse(pattern), ones, scores));
    }
  }

  private static double[] doubles(JsonNode row) {
    return row.valueStream().mapToDouble(JsonNode::asDouble).toArray();
  }

  private static float[] floats(double[] row) {
    float[] floats = new float[row.length];
    for (int i = 0; i < row.length; i++) {
      floats[i] = (float) row[i];
    }
    return floats;
  }

  @Test
  void ofEqualWeightsTheLowerColumnGoesFirst() {
    double[] ones = {1, 1, 1, 1, 1};

    assertThat(found(ZeroPattern.parse("60%"), ones, new float[] {1, -1, 1, -1, 1}, 0))
        .containsExactly(0, 1, 2);
    assertThat(found(ZeroPattern.parse("40%"), ones, new float[] {2, -1, 1, 0.5f, 1}, 0))
        .containsExactly(1, 3);
  }

  @Test
  void withEqualInputsMagnitudeDecides() {
    double[] sevens = {7, 7, 7, 7};

    assertThat(found(ZeroPattern.parse("50%"), sevens, new float[] {-4, 1, 3, -2}, 0))
        .containsExactly(1, 3);
  }

  @Test
  void aLargeInputSavesASmallWeight() {
    assertThat(found(ZeroPattern.parse("50%"), new double[] {10, 1}, new float[] {1, 5}, 0))
        .containsExactly(1);
  }

  @ParameterizedTest
  @CsvSource({"0", "3"})
  void aRowMayStandAnywhereInAnArray(int offset) {
    float[] block = new float[offset + 4];
    System.arraycopy(new float[] {4, 1, 3, 2}, 0, block, offset, 4);

    assertThat(found(ZeroPattern.parse("2:4"), new double[] {1, 1, 1, 1}, block, offset))
        .containsExactly(1, 3);
  }
}
