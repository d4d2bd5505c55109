package io.moepress.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.KeepCount;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PruneRequest;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.testdata.Planted;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class AimerPruningTest {
  private static final AimerPruning AIMER = new AimerPruning();
  private static final int DRAWN = 1 << 20;

  /// Four deviations of a mean of that many draws, each of which deviates by less than 1.
  private static final double SCATTER = 4.0 / Math.sqrt(DRAWN);

  @TempDir private Path folder;

  // Closed forms.

  @Test
  void ofNormalWeightsItIsTheRootOfTwoOverPi() {
    Random random = new Random(1);

    assertThat(drawn(() -> (float) random.nextGaussian()))
        .isCloseTo(Math.sqrt(2 / Math.PI), offset(SCATTER));
  }

  @Test
  void ofUniformWeightsItIsHalfTheRootOfThree() {
    Random random = new Random(2);

    assertThat(drawn(() -> random.nextFloat() * 2 - 1))
        .isCloseTo(Math.sqrt(3) / 2, offset(SCATTER));
  }

  private interface Source {
    float next();
  }

  private static double drawn(Source source) {
    float[] weights = new float[DRAWN];
    for (int i = 0; i < DRAWN; i++) {
      weights[i] = source.next();
    }
    return WeightMoments.NONE.and(weights).evenness();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 100, 4096})
  void ofASingleWeightAmongZerosItIsOneOverTheRootOfTheirNumber(int count) {
    float[] weights = new float[count];
    weights[count / 2] = -3;

    assertThat(WeightMoments.NONE.and(weights).evenness())
        .isCloseTo(1 / Math.sqrt(count), offset(1e-15));
  }

  @Test
  void ofEqualMagnitudesItIsOneAndSoOfZeros() {
    assertThat(WeightMoments.NONE.and(new float[] {2, -2, 2}).evenness()).isEqualTo(1);
    assertThat(WeightMoments.NONE.and(new float[3]).evenness()).isEqualTo(1);
  }

  @Test
  void theScaleDoesNotMatterNorHowWeightsAreParted() {
    float[] weights = {1, -2, 3, 0.5f};
    float[] larger = {8, -16, 24, 4};

    double whole = WeightMoments.NONE.and(weights).evenness();
    assertThat(WeightMoments.NONE.and(larger).evenness()).isEqualTo(whole);
    assertThat(WeightMoments.NONE.and(new float[] {1, -2}).and(new float[] {3, 0.5f}).evenness())
        .isEqualTo(whole);
  }

  // Golden numbers.

  @ParameterizedTest
  @EnumSource
  void scoresAreThoseOfTheToyLayerHoweverExpertsAreStored(Way way) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/scores.json"));
    TinyMoe moe = TinyMoe.qwen3().hidden(4).layers(1).heads(2, 1, 2).expertWidth(3);
    for (int expert = 0; expert < 4; expert++) {
      moe.with(moe.family().gate(0, expert), floats(golden.at("/inputs/Wg/" + expert)));
      moe.with(moe.family().up(0, expert), floats(golden.at("/inputs/Wu/" + expert)));
      moe.with(moe.family().down(0, expert), floats(golden.at("/inputs/Wd/" + expert)));
    }
    way.apply(moe);

    List<Double> scores = plan(moe, 4).getFirst().scores();

    for (int expert = 0; expert < 4; expert++) {
      assertThat(1 - scores.get(expert))
          .isCloseTo(golden.at("/AIMER/" + expert).asDouble(), offset(1e-12));
    }
  }

  /// Ways to store the same numbers, all of which are multiples of 1/8 below 4.
  enum Way {
    SPLIT,
    STACKED,
    BF16,
    F16;

    void apply(TinyMoe moe) {
      switch (this) {
        case SPLIT -> {}
        case STACKED -> moe.plant(Stacked.OUTPUT_FIRST);
        case BF16 -> moe.dtype("BF16");
        case F16 -> moe.dtype("F16");
      }
    }
  }

  private static float[] floats(JsonNode matrix) {
    double[] values =
        matrix
            .valueStream()
            .flatMap(JsonNode::valueStream)
            .mapToDouble(JsonNode::asDouble)
            .toArray();
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  // Decisions.

  @Test
  void theExpertWithAFewLargeWeightsStays() throws IOException {
    TinyMoe moe = TinyMoe.mixtral();
    float[] peaked = moe.values(moe.family().up(1, 2));
    peaked[5] = 100;

    List<KeepExperts> steps = plan(moe.with(moe.family().up(1, 2), peaked), 2);

    assertThat(steps.get(1).kept()).contains(2);
    assertThat(steps.get(1).scores().get(2)).isGreaterThan(0.5);
  }

  @Test
  void permutedExpertsHavePermutedScores() throws IOException {
    List<Double> scores = plan(TinyMoe.mixtral(), 2).getFirst().scores();
    List<Double> permuted =
        plan(TinyMoe.mixtral().plant(Planted.permuted(2, 0, 3, 1)), 2).getFirst().scores();

    assertThat(permuted)
        .containsExactly(scores.get(2), scores.get(0), scores.get(3), scores.get(1));
  }

  @Test
  void needsNoCalibration() {
    assertThat(AIMER.needs()).isEmpty();
  }

  private List<KeepExperts> plan(TinyMoe moe, int kept) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      MoeModel model = MoeModel.of(checkpoint);
      SortedMap<Integer, Evidence.Layer> layers = new TreeMap<>();
      model
          .layout()
          .expertCounts()
          .forEach((layer, experts) -> layers.put(layer, new Evidence.Layer(experts, Map.of())));
      return AIMER.plan(
          new PruneRequest(
              () -> model,
              model.layout(),
              new Evidence("sha256:0", 0, List.of(), layers),
              new KeepCount(kept),
              new TreeSet<>(),
              RouterMode.SLICE));
    }
  }
}
