package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.GradientPass.Batch;
import io.moepress.calibrate.forward.GradientPass.Gradient;
import io.moepress.calibrate.torch.Torch;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.DistanceKind;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GradientPassTest {
  private static final int[] TEXT = {3, 17, 5, 44, 21, 9, 30, 2, 11, 60};
  private static final int[] OTHER = {7, 8, 40, 12, 33};

  @ParameterizedTest
  @CsvSource({
    "qwen3_moe, ROUTER, HIDDEN", "qwen3_moe, DENSE, LOGITS",
    "mixtral, ROUTER, LOGITS", "qwen2_moe, ROUTER, HIDDEN",
    "olmoe, ROUTER, HIDDEN", "deepseek_v2, ROUTER, HIDDEN",
    "deepseek_v3, ROUTER, LOGITS", "deepseek_v3, DENSE, HIDDEN",
  })
  void isTheSlopeOfTheLoss(String family, Relaxation relaxation, DistanceKind distance)
      throws IOException {
    Path directory = TestData.path("golden/arch/" + family);
    Corpus texts = corpus(TEXT, OTHER);
    Goal goal = new Goal(distance, 0.1);
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(directory);
        Workers workers = new Workers(2)) {
      MoeModel model = MoeModel.of(checkpoint);
      GradientPass pass =
          new GradientPass(model, PassResources.inMemory(workers, Progress.SILENT));
      try (HiddenStates original = pass.forward(texts, ones(model, Relaxation.ROUTER))) {
        Batch batch = new Batch(texts, original, texts.starts());
        ExpertScales at = scattered(model, relaxation, 1);
        Gradient gradient = pass.run(batch, at, goal);
        for (int layer : model.layout().moeLayers()) {
          for (int expert = 0; expert < model.layout().experts(); expert++) {
            double up = goal.total(pass.run(batch, moved(at, layer, expert, 0.02), goal).loss());
            double down = goal.total(pass.run(batch, moved(at, layer, expert, -0.02), goal).loss());
            System.err.println(family + " " + layer + " " + expert + " " + (up - down) / 0.04 + " " + gradient.factors().get(layer)[expert]);
          }
        }
      }
    }
  }

  private static ExpertScales moved(ExpertScales scales, int layer, int expert, double step) {
    SortedMap<Integer, double[]> factors = new TreeMap<>();
    scales.factors().forEach((key, value) -> factors.put(key, value.clone()));
    factors.get(layer)[expert] += step;
    return new ExpertScales(scales.relaxation(), factors);
  }

  private static ExpertScales ones(MoeModel model, Relaxation relaxation) {
    SortedMap<Integer, double[]> factors = new TreeMap<>();
    for (int layer : model.layout().moeLayers()) {
      double[] ones = new double[model.layout().experts()];
      java.util.Arrays.fill(ones, 1);
      factors.put(layer, ones);
    }
    return new ExpertScales(relaxation, factors);
  }

  private static ExpertScales scattered(MoeModel model, Relaxation relaxation, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    SortedMap<Integer, double[]> factors = new TreeMap<>();
    for (int layer : model.layout().moeLayers()) {
      factors.put(layer, random.doubles(model.layout().experts(), 0.5, 1.5).toArray());
    }
    return new ExpertScales(relaxation, factors);
  }

  private static Corpus corpus(int[]... texts) {
    List<TokenSequence> sequences =
        java.util.Arrays.stream(texts).map(ids -> new TokenSequence(0, ids)).toList();
    return new Corpus(List.of(new Domain("test", "test.jsonl", "sha256:0")), sequences);
  }
}
