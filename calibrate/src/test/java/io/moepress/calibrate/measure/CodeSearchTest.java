package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.NaiveModel;
import io.moepress.calibrate.forward.NaiveModel.Visit;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.HessianOptions;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.StarvedCodes;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a method that finds codes by inputs gets to see, and what becomes of what it finds.
class CodeSearchTest {
  private static final int LAYERS = 2;
  private static final int EXPERTS = 7;
  private static final long SEED = 3;
  private static final IntegerScheme SCHEME = new IntegerScheme(4, false, IntegerScheme.CHANNEL);
  private static final HessianOptions AT_ONCE =
      new HessianOptions(false, 0, 1, StarvedCodes.ROUND_TO_NEAREST);

  @TempDir private Path folder;

  private static TinyMoe moe() {
    return TinyMoe.qwen3().seed(SEED).experts(EXPERTS).topK(2);
  }

  private static Corpus corpus() {
    return Corpora.of(Corpora.random(SEED, 32, 20, 9), Corpora.random(SEED + 50, 32, 15, 1));
  }

  private CheckpointDirectory open() throws IOException {
    Path model = folder.resolve("model");
    return CheckpointDirectory.open(Files.exists(model) ? model : moe().write(model));
  }

  private SortedMap<Integer, LayerCodes> search(
      Checkpoint checkpoint, CalibratedQuantization method, String directory) throws IOException {
    return search(checkpoint, method, directory, 2, Progress.SILENT);
  }

  private SortedMap<Integer, LayerCodes> search(
      Checkpoint checkpoint,
      CalibratedQuantization method,
      String directory,
      int threads,
      Progress progress)
      throws IOException {
    QuantizeOptions options =
        new QuantizeOptions(SCHEME, Optional.empty(), Optional.empty(), Optional.empty());
    try (Workers workers = new Workers(threads)) {
      return new CodeSearch(method, options)
          .search(
              new CodeSearch.Question(MoeModel.of(checkpoint), Measured.FINGERPRINT, corpus(), 512),
              PassResources.inMemory(workers, progress),
              folder.resolve(directory));
    }
  }

  /// In float64, token by token. Values are off by a few float32 roundings.
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void theHessianIsTheSumOverTheTokensOfEachExpert(int gatePower) throws IOException {
    Looking method = new Looking(new HessianOptions(false, gatePower, 1, StarvedCodes.FAIL));
    NaiveModel naive = new NaiveModel(moe(), Integer.MAX_VALUE, true);
    for (TokenSequence sequence : corpus().sequences()) {
      naive.logits(sequence.ids());
    }
    try (CheckpointDirectory checkpoint = open()) {
      search(checkpoint, method, "codes");

      assertThat(method.seen).hasSize(2 * LAYERS * EXPERTS);
      for (int layer = 0; layer < LAYERS; layer++) {
        for (int expert = 0; expert < EXPERTS; expert++) {
          List<Visit> visits = naive.visits();
          double[] inputs = hessian(visits, layer, expert, false, gatePower);
          double[] intermediates = hessian(visits, layer, expert, true, gatePower);
          assertClose(seen(method, checkpoint, TensorRole.EXPERT_GATE, layer, expert), inputs);
          assertClose(seen(method, checkpoint, TensorRole.EXPERT_UP, layer, expert), inputs);
          assertClose(
              seen(method, checkpoint, TensorRole.EXPERT_DOWN, layer, expert), intermediates);
        }
      }
    }
  }

  private static double[] hessian(
      List<Visit> visits, int layer, int expert, boolean ofDown, int gatePower) {
    double[] sum = new double[0];
    for (Visit visit : visits) {
      for (int slot = 0; slot < visit.chosen().length; slot++) {
        if (visit.layer() == layer && visit.chosen()[slot] == expert) {
          double[] x = ofDown ? visit.intermediates()[slot] : visit.input();
          double weight = Math.pow(visit.weights()[slot], gatePower);
          sum = sum.length == 0 ? new double[x.length * x.length] : sum;
          for (int i = 0; i < sum.length; i++) {
            sum[i] += weight * x[i / x.length] * x[i % x.length];
          }
        }
      }
    }
    return sum;
  }

  /// The Hessian that came with the weights of an expert.
  private static double[] seen(
      Looking method, Checkpoint checkpoint, TensorRole role, int layer, int expert)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      float[] values =
          Numbers.floats(MoeModel.of(checkpoint).read(new TensorId(role, layer, expert), arena));
      return method.seen.stream()
          .filter(seen ->
              seen.weights().stream().anyMatch(each -> Arrays.equals(each.values(), values)))
          .findFirst()
          .orElseThrow()
          .hessian();
    }
  }

  private static void assertClose(double[] found, double[] expected) {
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    assertThat(found).containsExactly(expected, within(2e-5 * largest));
  }

  /// The definition: to find the codes of a layer, quantise the layers before it, and look for all
  /// at once.
  @Test
  void everyLayerSeesItsQuantisedPredecessors() throws IOException {
    try (CheckpointDirectory checkpoint = open()) {
      SortedMap<Integer, LayerCodes> sequential =
          search(checkpoint, new Looking(HessianOptions.DEFAULT), "sequential");

      List<QuantizeWeights> before = new ArrayList<>();
      for (int layer = 0; layer < LAYERS; layer++) {
        Checkpoint changed =
            new PlannedCheckpoint(checkpoint, Lowering.lower(MoeModel.of(checkpoint), before));
        LayerCodes expected = search(changed, new Looking(AT_ONCE), "behind-" + layer).get(layer);
        assertThat(sequential.get(layer).step()).isEqualTo(expected.step());
        before.add(expected.step());
      }
      SortedMap<Integer, LayerCodes> atOnce = search(checkpoint, new Looking(AT_ONCE), "at-once");
      assertThat(atOnce.get(0).step()).isEqualTo(sequential.get(0).step());
      assertThat(atOnce.get(1).step()).isNotEqualTo(sequential.get(1).step());
    }
  }

  @Test
  void theNumberOfWorkersDoesNotChangeABit() throws IOException {
    try (CheckpointDirectory checkpoint = open()) {
      for (int threads : new int[] {1, 3}) {
        Looking method = new Looking(HessianOptions.DEFAULT);
        search(checkpoint, method, "" + threads, threads, Progress.SILENT);
      }
    }

    assertSameFiles("1", "3");
  }

  @Test
  void goingOnGivesTheSameBytesAsNeverStopping() throws IOException {
    try (CheckpointDirectory checkpoint = open()) {
      assertThatExceptionOfType(CancellationException.class)
          .isThrownBy(() ->
              search(
                  checkpoint, new Looking(HessianOptions.DEFAULT), "stopped", 2, new Stopping()));
      assertThat(folder.resolve("stopped/layer-000.json")).exists();
      assertThat(folder.resolve("stopped/layer-001.json")).doesNotExist();

      Looking resumed = new Looking(HessianOptions.DEFAULT);
      search(checkpoint, resumed, "stopped");
      search(checkpoint, new Looking(HessianOptions.DEFAULT), "whole");
      Looking finished = new Looking(HessianOptions.DEFAULT);
      search(checkpoint, finished, "whole", 2, new Stopping());

      assertThat(resumed.seen).hasSize(2 * EXPERTS);
      assertThat(finished.seen).isEmpty();
    }
    assertSameFiles("stopped", "whole");
  }

  @Test
  void damagedCodesAreFoundAgain() throws IOException {
    try (CheckpointDirectory checkpoint = open()) {
      search(checkpoint, new Looking(HessianOptions.DEFAULT), "damaged");
      search(checkpoint, new Looking(HessianOptions.DEFAULT), "whole");
      Path arrays = folder.resolve("damaged/layer-000.arrays.safetensors");
      byte[] bytes = Files.readAllBytes(arrays);
      bytes[bytes.length - 1]++;
      Files.write(arrays, bytes);

      search(checkpoint, new Looking(HessianOptions.DEFAULT), "damaged");
    }
    assertSameFiles("damaged", "whole");
  }

  /// Of the same texts and weights, but another power.
  @Test
  void codesOfOtherOptionsAreNotUsed() throws IOException {
    try (CheckpointDirectory checkpoint = open()) {
      search(checkpoint, new Looking(HessianOptions.DEFAULT), "codes");
      Looking other = new Looking(new HessianOptions(true, 1, 1, StarvedCodes.ROUND_TO_NEAREST));

      search(checkpoint, other, "codes");

      assertThat(other.seen).hasSize(2 * LAYERS * EXPERTS);
    }
  }

  private void assertSameFiles(String first, String second) {
    for (int layer = 0; layer < LAYERS; layer++) {
      for (String suffix : List.of(".json", ".arrays.safetensors")) {
        String file = "layer-00" + layer + suffix;
        assertThat(folder.resolve(first).resolve(file))
            .hasSameBinaryContentAs(folder.resolve(second).resolve(file));
      }
    }
  }

  @Test
  void starvedExpertsAreRoundedAsIfNobodyHadSeenThemAndListed() throws IOException {
    Looking method = new Looking(new HessianOptions(false, 0, 1000, StarvedCodes.ROUND_TO_NEAREST));
    try (CheckpointDirectory checkpoint = open()) {
      SortedMap<Integer, LayerCodes> codes = search(checkpoint, method, "codes");

      assertThat(codes.get(1).starved()).containsExactly(0, 1, 2, 3, 4, 5, 6);
      assertThat(method.seen).allSatisfy(seen -> assertThat(seen.hessian()).containsOnly(0));
    }
  }

  @Test
  void starvedExpertsAreRefusedWhereTheRecipeSaysSo() throws IOException {
    Looking method = new Looking(new HessianOptions(false, 0, 1000, StarvedCodes.FAIL));
    try (CheckpointDirectory checkpoint = open()) {
      assertThatExceptionOfType(PlanMismatchException.class)
          .isThrownBy(() -> search(checkpoint, method, "codes"))
          .withMessageMatching(
              "layer 0: expert 0: \\d+ calibration tokens \\(expected at least 1000\\)\\. .*"
                  + "\"starved: round-to-nearest\"\\.");
    }
  }
}
