package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.forward.GradientPass.Batch;
import io.moepress.calibrate.forward.GradientPass.Gradient;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.DistanceKind;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GradientPassTest {
  private static final Corpus TEXTS = Corpora.of(Corpora.random(3, 32, 9, 6, 1));
  private static final Goal GOAL = new Goal(DistanceKind.HIDDEN, 0.1);

  /// Half the distance between the points that a slope is taken between: so short that no token
  /// chooses other experts in between, so long that the rounding of the loss, 1e-6, hides little.
  private static final double STEP = 0.002;

  @TempDir Path folder;

  /// The directional derivative along a random direction that moves all layers at once.
  @ParameterizedTest
  @CsvSource({
    "qwen3_moe, ROUTER, HIDDEN",
    "qwen3_moe, DENSE, LOGITS",
    "mixtral, ROUTER, LOGITS",
    "qwen2_moe, ROUTER, HIDDEN",
    "olmoe, ROUTER, HIDDEN",
    "deepseek_v2, ROUTER, HIDDEN",
    "deepseek_v3, ROUTER, LOGITS",
    "deepseek_v3, DENSE, HIDDEN",
  })
  void isTheSlopeOfTheLossInEveryFamily(String family, Relaxation relaxation, DistanceKind distance)
      throws IOException {
    Goal goal = new Goal(distance, 0.1);
    try (Setting setting = new Setting(TestData.path("golden/arch/" + family), 2)) {
      assertThat(setting.model.layout().layers()).isGreaterThan(1);
      ExpertScales at = setting.random(relaxation, 1, 0.5, 1.5);
      Gradient gradient = setting.pass(at, goal);
      for (int direction = 2; direction < 5; direction++) {
        ExpertScales along = setting.random(relaxation, direction, -1, 1);
        double up = goal.total(setting.pass(moved(at, along, STEP), goal).loss());
        double down = goal.total(setting.pass(moved(at, along, -STEP), goal).loss());

        double slope = product(gradient.factors(), along.factors());
        assertThat((up - down) / (2 * STEP))
            .as("direction %d", direction)
            .isCloseTo(slope, within(2e-3 + 0.01 * Math.abs(slope)));
      }
    }
  }

  @Test
  void eachFactorHasItsOwnSlope() throws IOException {
    TinyMoe.qwen3().experts(3).write(folder);
    try (Setting setting = new Setting(folder, 2)) {
      ExpertScales at = setting.random(Relaxation.DENSE, 1, 0.2, 0.5);
      Gradient gradient = setting.pass(at, GOAL);
      for (int layer = 0; layer < 2; layer++) {
        for (int expert = 0; expert < 3; expert++) {
          ExpertScales along = setting.all(Relaxation.DENSE, 0);
          along.of(layer)[expert] = 1;
          double up = GOAL.total(setting.pass(moved(at, along, STEP), GOAL).loss());
          double down = GOAL.total(setting.pass(moved(at, along, -STEP), GOAL).loss());

          assertThat(of(gradient, layer)[expert])
              .as("layer %d, expert %d", layer, expert)
              .isCloseTo((up - down) / (2 * STEP), within(2e-3));
        }
      }
    }
  }

  /// With factors of 1 the router's choice runs bit for bit as in the original model.
  @ParameterizedTest
  @ValueSource(
      strings = {"qwen3_moe", "mixtral", "qwen2_moe", "olmoe", "deepseek_v2", "deepseek_v3"})
  void atFactorsOfOneItIsTheOriginal(String family) throws IOException {
    try (Setting setting = new Setting(TestData.path("golden/arch/" + family), 2)) {
      ExpertScales ones = setting.all(Relaxation.ROUTER, 1);
      try (HiddenStates hidden = setting.pass.forward(TEXTS, ones)) {
        assertThat(values(hidden)).containsExactly(values(setting.original));
      }
      Gradient near = setting.pass(ones, GOAL);
      Gradient far = setting.pass(ones, new Goal(DistanceKind.HIDDEN, 1e9));

      assertThat(near.loss().distance()).isZero();
      for (int layer : setting.model.layout().moeLayers()) {
        assertThat(of(far, layer)).as("the distance has no slope").containsExactly(of(near, layer));
      }
    }
  }

  /// However large the weight of the distance: away from the original it leads back to it.
  @ParameterizedTest
  @EnumSource
  void theDistanceLeadsBackToTheOriginal(DistanceKind distance) throws IOException {
    try (Setting setting = new Setting(TestData.path("golden/arch/mixtral"), 2)) {
      ExpertScales ones = setting.all(Relaxation.ROUTER, 1);
      for (int seed = 1; seed < 4; seed++) {
        ExpertScales away = setting.random(Relaxation.ROUTER, seed, -0.01, 0.01);
        Gradient gradient = setting.pass(moved(ones, away, 1), new Goal(distance, 1e6));

        assertThat(gradient.loss().distance()).isPositive();
        assertThat(product(gradient.factors(), away.factors())).isPositive();
      }
    }
  }

  @Test
  void crossEntropyIsThatOfTheNextToken() throws IOException {
    TinyMoe.qwen3().write(folder);
    try (Setting setting = new Setting(folder, 1)) {
      double loss = setting.pass(setting.all(Relaxation.ROUTER, 1), GOAL).loss().crossEntropy();

      assertThat(loss).isCloseTo(crossEntropy(Streamed.logits(folder, TEXTS, 1)), within(1e-5));
    }
  }

  private static double crossEntropy(float[] logits) {
    int vocabulary = logits.length / TEXTS.tokens();
    double sum = 0;
    int predicted = 0;
    for (int text = 0; text < TEXTS.starts().length; text++) {
      int[] ids = TEXTS.sequences().get(text).ids();
      for (int i = 0; i + 1 < ids.length; i++) {
        int row = (TEXTS.starts()[text] + i) * vocabulary;
        double total = 0;
        for (int token = 0; token < vocabulary; token++) {
          total += Math.exp(logits[row + token]);
        }
        sum += Math.log(total) - logits[row + ids[i + 1]];
        predicted++;
      }
    }
    return sum / predicted;
  }

  @Test
  void twinsHaveTheSameSlopeAndASilentExpertNone() throws IOException {
    TinyMoe.mixtral()
        .plant(Planted.twinExperts(0, 1, 3))
        .plant(Planted.silentExperts(1, 2))
        .write(folder);
    try (Setting setting = new Setting(folder, 2)) {
      Gradient gradient = setting.pass(setting.all(Relaxation.DENSE, 0.25), GOAL);

      assertThat(of(gradient, 0)[3]).isEqualTo(of(gradient, 0)[1]).isNotZero();
      assertThat(of(gradient, 1)[2]).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void neitherThreadsNorAFileForStatesChangeABit(Relaxation relaxation) throws IOException {
    TinyMoe.qwen3().layers(3).write(folder.resolve("model"));
    Gradient alone;
    try (Setting setting = new Setting(folder.resolve("model"), 1)) {
      alone = setting.pass(setting.random(relaxation, 1, 0.5, 1.5), GOAL);
    }
    try (Setting setting = new Setting(folder.resolve("model"), 4, folder.resolve("spill"))) {
      Gradient together = setting.pass(setting.random(relaxation, 1, 0.5, 1.5), GOAL);

      assertThat(together.loss()).isEqualTo(alone.loss());
      for (int layer = 0; layer < 3; layer++) {
        assertThat(of(together, layer)).containsExactly(of(alone, layer));
      }
    }
  }

  // Helpers.

  /// A model, its last hidden states, and passes over the texts.
  private static final class Setting implements AutoCloseable {
    private final CheckpointDirectory checkpoint;
    private final Workers workers;
    private final MoeModel model;
    private final GradientPass pass;
    private final HiddenStates original;

    Setting(Path directory, int threads) throws IOException {
      this(directory, threads, null);
    }

    Setting(Path directory, int threads, @Nullable Path spill) throws IOException {
      this.checkpoint = CheckpointDirectory.open(directory);
      this.workers = new Workers(threads);
      this.model = MoeModel.of(checkpoint);
      PassResources resources = new PassResources(workers, Progress.SILENT, spill);
      this.pass = new GradientPass(model, resources);
      this.original = new ForwardPass(model, resources).run("", TEXTS, MoePass.Observer.NONE);
    }

    Gradient pass(ExpertScales scales, Goal goal) throws IOException {
      return pass.run(new Batch(TEXTS, original, TEXTS.starts()), scales, goal);
    }

    ExpertScales all(Relaxation relaxation, double value) {
      SortedMap<Integer, double[]> factors = new TreeMap<>();
      for (int layer : model.layout().moeLayers()) {
        double[] values = new double[model.layout().experts()];
        Arrays.fill(values, value);
        factors.put(layer, values);
      }
      return new ExpertScales(relaxation, factors);
    }

    ExpertScales random(Relaxation relaxation, long seed, double low, double high) {
      SplittableRandom random = new SplittableRandom(seed);
      SortedMap<Integer, double[]> factors = new TreeMap<>();
      for (int layer : model.layout().moeLayers()) {
        factors.put(layer, random.doubles(model.layout().experts(), low, high).toArray());
      }
      return new ExpertScales(relaxation, factors);
    }

    @Override
    public void close() throws IOException {
      original.close();
      workers.close();
      checkpoint.close();
    }
  }

  private static ExpertScales moved(ExpertScales at, ExpertScales along, double step) {
    SortedMap<Integer, double[]> factors = new TreeMap<>();
    at.factors()
        .forEach((layer, values) -> {
          double[] sum = values.clone();
          for (int expert = 0; expert < sum.length; expert++) {
            sum[expert] += step * along.of(layer)[expert];
          }
          factors.put(layer, sum);
        });
    return new ExpertScales(at.relaxation(), factors);
  }

  private static double product(SortedMap<Integer, double[]> a, SortedMap<Integer, double[]> b) {
    double sum = 0;
    for (int layer : a.keySet()) {
      double[] left = Objects.requireNonNull(a.get(layer));
      double[] right = Objects.requireNonNull(b.get(layer));
      for (int expert = 0; expert < left.length; expert++) {
        sum += left[expert] * right[expert];
      }
    }
    return sum;
  }

  private static double[] of(Gradient gradient, int layer) {
    return Objects.requireNonNull(gradient.factors().get(layer));
  }

  private static float[] values(HiddenStates states) {
    return states.rows(0, states.tokens()).toArray(JAVA_FLOAT);
  }
}
