package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.LargeParts;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.LinearSums;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.LinearScope;
import io.moepress.recipes.plan.SparsityOptions;
import io.moepress.recipes.plan.SparsityRequest;
import io.moepress.recipes.plan.StarvedMode;
import io.moepress.recipes.plan.ZeroPattern;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OwlSparsityTest {
  private static final int LAYERS = 3;
  private static final int EXPERTS = 4;
  private static final int HIDDEN = 16;
  private static final int WIDTH = 8;
  private static final long TOKENS = 10;

  @TempDir private Path folder;

  /// A case worked out by hand: the mean of `2λ · (0, 3, 1, 8) / 8` is 0.06.
  @Test
  void densitiesFollowTheShareOfOutliers() {
    assertThat(OwlSparsity.densities(new double[] {2, 5, 3, 10}, 0.4, 0.08))
        .containsExactly(new double[] {0.54, 0.60, 0.56, 0.70}, within(1e-15));
  }

  @Test
  void equalLayersAreTreatedAlike() {
    assertThat(OwlSparsity.densities(new double[] {3, 3, 3}, 0.4, 0.08))
        .containsExactly(new double[] {0.6, 0.6, 0.6}, within(1e-15));
    assertThat(OwlSparsity.densities(new double[] {0}, 0.4, 0.08))
        .containsExactly(new double[] {0.6}, within(1e-15));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void theMeanIsWhatWasAskedForAndNoTwoLayersDifferByMoreThanTwiceLambda(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] outliers = random.doubles(20, 0, 9).toArray();

    double[] densities = OwlSparsity.densities(outliers, 0.5, 0.1);

    assertThat(Arrays.stream(densities).average().orElseThrow()).isCloseTo(0.5, within(1e-14));
    double spread =
        Arrays.stream(densities).max().orElseThrow() - Arrays.stream(densities).min().orElseThrow();
    assertThat(spread).isCloseTo(0.2, within(1e-14));
  }

  @Test
  void aLayerThatWouldHaveNoZerosHasOnePercent() throws IOException {
    SortedMap<Integer, ZeroPattern> patterns =
        patterns(moe(5), new OwlSparsity(0.5, 1), "5%", SparsityOptions.DEFAULT);

    assertThat(patterns.values()).contains(ZeroPattern.parse("1%"));
  }

  /// Every metric of every linear map in scope, in one list.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void outliersAreCountedOverAllMapsOfALayer(long seed) throws IOException {
    TinyMoe moe = moe(seed);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      SparsityRequest request =
          new SparsityRequest(
              MoeModel.of(checkpoint),
              evidence(seed),
              ZeroPattern.parse("40%"),
              options(LinearScope.EXPERTS));
      for (int layer = 0; layer < LAYERS; layer++) {
        List<Double> metrics = metrics(moe, seed, layer);
        double mean = metrics.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        long above = metrics.stream().filter(metric -> metric > 2 * mean).count();

        assertThat(OutlierShare.of(request, layer, 2))
            .isEqualTo(new OutlierShare(above, metrics.size()));
        assertThat(above).isPositive();
      }
    }
  }

  /// Expert 2 saw no token and is left out.
  private static List<Double> metrics(TinyMoe moe, long seed, int layer) {
    List<Double> metrics = new ArrayList<>();
    Evidence.Layer evidence = evidence(seed).layers().get(layer);
    double[][] inputs = evidence.matrix(Statistic.INPUT_SQUARE_SUM);
    double[][] intermediates = evidence.matrix(Statistic.INTERMEDIATE_SQUARE_SUM);
    for (int expert = 0; expert < EXPERTS; expert++) {
      double tokens = evidence.total(Statistic.ROUTED_TOKENS)[expert];
      if (tokens > 0) {
        add(metrics, moe.values(moe.family().gate(layer, expert)), inputs[expert], tokens);
        add(metrics, moe.values(moe.family().up(layer, expert)), inputs[expert], tokens);
        add(metrics, moe.values(moe.family().down(layer, expert)), intermediates[expert], tokens);
      }
    }
    return metrics;
  }

  private static void add(List<Double> metrics, float[] weights, double[] squares, double tokens) {
    for (int i = 0; i < weights.length; i++) {
      metrics.add(Math.abs((double) weights[i]) * Math.sqrt(squares[i % squares.length] / tokens));
    }
  }

  /// Twice the tokens with the same mean squares are the same norms: a rare expert is judged like a
  /// frequent one.
  @Test
  void howOftenAnExpertIsUsedDoesNotMatter() throws IOException {
    TinyMoe moe = moe(1);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      ZeroPattern half = ZeroPattern.parse("50%");
      SparsityOptions options = options(LinearScope.EXPERTS);
      OwlSparsity owl = new OwlSparsity(0.08, 2);

      assertThat(owl.patterns(new SparsityRequest(model, evidence(1, 4), half, options)))
          .isEqualTo(owl.patterns(new SparsityRequest(model, evidence(1), half, options)));
    }
  }

  @Test
  void howExpertsAreStoredDoesNotMatter() throws IOException {
    OwlSparsity owl = new OwlSparsity(0.08, 2);

    assertThat(
            patterns(moe(3).plant(Stacked.OUTPUT_FIRST), owl, "40%", options(LinearScope.EXPERTS)))
        .isEqualTo(patterns(moe(3), owl, "40%", options(LinearScope.EXPERTS)))
        .hasSize(LAYERS);
  }

  private SortedMap<Integer, ZeroPattern> patterns(
      TinyMoe moe, OwlSparsity owl, String sparsity, SparsityOptions options) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      return owl.patterns(
          new SparsityRequest(
              MoeModel.of(checkpoint), evidence(3), ZeroPattern.parse(sparsity), options));
    }
  }

  @Test
  void optionsThatMeanNothingAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new OwlSparsity(-0.1, 3))
        .withMessageContaining("lambda");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new OwlSparsity(0.08, 0))
        .withMessageContaining("outlier-threshold");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new OwlSparsity(0.08, 3).requireTaken(ZeroPattern.parse("2:4")))
        .withMessageContaining("2:4 (expected a share");
  }

  private static SparsityOptions options(LinearScope scope) {
    return new SparsityOptions(scope, false, StarvedMode.SKIP, 0);
  }

  private static TinyMoe moe(long seed) {
    return TinyMoe.mixtral()
        .seed(seed)
        .layers(LAYERS)
        .experts(EXPERTS)
        .hidden(HIDDEN)
        .expertWidth(WIDTH);
  }

  private static Evidence evidence(long seed) {
    return evidence(seed, 1);
  }

  /// @param times how often each text was read
  private static Evidence evidence(long seed, int times) {
    SplittableRandom random = new SplittableRandom(seed);
    SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
    SortedMap<Integer, LinearSums> linears = new TreeMap<>();
    for (int layer = 0; layer < LAYERS; layer++) {
      double[] routed = {5.0 * times, 2.0 * times, 0, 3.0 * times};
      Map<Statistic, double[][]> matrices =
          Map.of(
              Statistic.INPUT_SQUARE_SUM, squares(random, routed, HIDDEN),
              Statistic.INTERMEDIATE_SQUARE_SUM, squares(random, routed, WIDTH));
      layers.put(
          layer,
          new Evidence.Layer(
              EXPERTS,
              Map.of(Statistic.ROUTED_TOKENS, new double[][] {routed}),
              new LargeParts.InMemory(matrices, null)));
      linears.put(
          layer,
          new LinearSums.InMemory(
              Map.of(
                  LinearStatistic.LINEAR_INPUT_SQUARE_SUM,
                  Map.of(LinearInput.FEED_FORWARD, new double[1][HIDDEN]))));
    }
    Evidence.Domain domain = new Evidence.Domain("texts", "sha256:0", 1, TOKENS * times);
    return new Evidence("sha256:0", 512, List.of(domain), layers, null, linears, null);
  }

  private static double[][] squares(SplittableRandom random, double[] routed, int width) {
    double[][] squares = new double[routed.length][];
    for (int expert = 0; expert < routed.length; expert++) {
      double tokens = routed[expert];
      squares[expert] = random.doubles(width).map(value -> tokens * Math.pow(value, 6)).toArray();
    }
    return squares;
  }
}
