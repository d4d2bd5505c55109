package io.moepress.calibrate.measure;

import static io.moepress.recipes.evidence.Statistic.COACTIVATION;
import static io.moepress.recipes.evidence.Statistic.EASY_EP_SUM;
import static io.moepress.recipes.evidence.Statistic.GATED_OUTPUT_NORM_SUM;
import static io.moepress.recipes.evidence.Statistic.GATE_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_MAXIMUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_NORM_SUM;
import static io.moepress.recipes.evidence.Statistic.OUTPUT_SUM;
import static io.moepress.recipes.evidence.Statistic.ROUTED_TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.forward.Streamed;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceMerge;
import io.moepress.recipes.evidence.EvidenceMerge.Part;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SuperExperts;
import io.moepress.testdata.Planted;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Properties of evidence, on checkpoints whose right answer is planted.
class CalibrationTest {
  /// Sums of float32 values that may have been rounded differently: thousands of roundings of 2⁻²⁴.
  private static final double PERCENT = 0.01;

  private static final Set<Statistic> BY_DOMAIN = byDomain();

  @TempDir Path folder;

  private static Set<Statistic> byDomain() {
    EnumSet<Statistic> statistics = EnumSet.allOf(Statistic.class);
    statistics.removeIf(Statistic::isMatrix);
    return statistics;
  }

  // What adds up.

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void everyTokenReachesTopKExpertsWithWeightOne(long seed) throws IOException {
    Path model = TinyMoe.qwen3().experts(8).topK(3).seed(seed).write(folder);

    Evidence evidence = Measured.evidence(model, Corpora.of(Corpora.random(seed, 32, 20, 30)));

    evidence
        .layers()
        .values()
        .forEach(layer -> {
          assertThat(Arrays.stream(layer.total(ROUTED_TOKENS)).sum()).isEqualTo(3 * 50);
          assertThat(Arrays.stream(layer.total(GATE_SUM)).sum())
              .isCloseTo(50, withPercentage(PERCENT));
        });
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void theEvidenceOfTwoCorporaAddsUp(long seed) throws IOException {
    Path model = TinyMoe.mixtral().experts(6).seed(seed).write(folder);
    List<int[]> first = Corpora.random(seed, 32, 20, 5);
    List<int[]> second = Corpora.random(seed + 100, 32, 30);

    Evidence one = Measured.evidence(model, Corpora.of(first));
    Evidence other = Measured.evidence(model, Corpora.of(second));
    Evidence both = Measured.evidence(model, Corpora.of(Corpora.join(first, second)));

    both.layers()
        .forEach((layer, values) -> {
          for (Statistic statistic : BY_DOMAIN) {
            double[] a = one.layers().get(layer).total(statistic);
            double[] b = other.layers().get(layer).total(statistic);
            double[] sum =
                IntStream.range(0, a.length)
                    .mapToDouble(expert -> statistic.combination().of(a[expert], b[expert]))
                    .toArray();
            assertClose(values.total(statistic), sum);
          }
        });
  }

  /// Which experts tokens choose is the same to the last one. Everything else may differ in the
  /// last bits of float32: an expert works on a batch of all its tokens, and a matrix product
  /// rounds otherwise with other rows beside it.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void mergedEvidenceIsThatOfOneRun(long seed) throws IOException {
    Path model = TinyMoe.mixtral().experts(6).topK(3).seed(seed).write(folder);
    List<int[]> math = Corpora.random(seed, 32, 20, 5);
    List<int[]> code = Corpora.random(seed + 100, 32, 30);
    EvidenceRequest everything = new EvidenceRequest(EnumSet.allOf(Statistic.class), 1000, seed);

    Evidence one = Measured.evidence(model, named("math", math), everything);
    Evidence other = Measured.evidence(model, named("code", code), everything);
    Evidence merged = EvidenceMerge.merge(List.of(new Part("a", one), new Part("b", other)));
    Evidence both = Measured.evidence(model, Corpora.of(math, code), everything);

    assertThat(merged.tokens()).isEqualTo(both.tokens());
    both.layers()
        .forEach((layer, values) -> {
          Evidence.Layer sum = merged.layers().get(layer);
          for (Statistic statistic : Statistic.values()) {
            assertClose(statistic, Measured.rows(sum, statistic), Measured.rows(values, statistic));
          }
          assertThat(sum.byDomain(ROUTED_TOKENS)).isDeepEqualTo(values.byDomain(ROUTED_TOKENS));
          assertThat(sum.matrix(COACTIVATION)).isDeepEqualTo(values.matrix(COACTIVATION));
          assertThat(sum.reservoir())
              .usingRecursiveComparison()
              .ignoringFields("inputs", "weights")
              .isEqualTo(values.reservoir());
          assertThat(sum.reservoir().inputs())
              .containsExactly(values.reservoir().inputs(), within(1e-4f));
        });
  }

  private static Corpus named(String name, List<int[]> sequences) {
    return new Corpus(
        List.of(new Domain(name, "test", "sha256:" + name)),
        sequences.stream().map(ids -> new TokenSequence(0, ids)).toList());
  }

  /// A hundredth of a percent of the largest element: sums of both signs may cancel. Of outputs
  /// that rounding changes by a little, the differences have fewer digits.
  private static void assertClose(Statistic statistic, double[][] found, double[][] expected) {
    double largest =
        Arrays.stream(expected).flatMapToDouble(Arrays::stream).map(Math::abs).max().orElseThrow();
    double tolerance = statistic.roundedBits() == 0 ? 1e-4 : 1e-2;
    assertThat(found).hasSameDimensionsAs(expected);
    for (int row = 0; row < found.length; row++) {
      assertThat(found[row])
          .as("%s, row %d", statistic, row)
          .containsExactly(expected[row], within(tolerance * largest));
    }
  }

  @Test
  void theEvidenceOfDomainsAddsUpToTheTotal() throws IOException {
    Path model = TinyMoe.qwen3().experts(6).write(folder);
    List<int[]> math = Corpora.random(1, 32, 20, 5);
    List<int[]> code = Corpora.random(2, 32, 30);

    Evidence apart = Measured.evidence(model, Corpora.of(math, code));
    Evidence joined = Measured.evidence(model, Corpora.of(Corpora.join(math, code)));
    Evidence onlyCode = Measured.evidence(model, Corpora.of(code));

    assertThat(apart.domains())
        .containsExactly(
            new Evidence.Domain("domain 0", "sha256:0", 2, 25),
            new Evidence.Domain("domain 1", "sha256:1", 1, 30));
    apart
        .layers()
        .forEach((layer, values) -> {
          for (Statistic statistic : BY_DOMAIN) {
            assertClose(values.total(statistic), joined.layers().get(layer).total(statistic));
            assertClose(
                values.byDomain(statistic)[1], onlyCode.layers().get(layer).total(statistic));
          }
        });
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void permutedExpertsGivePermutedEvidence(long seed) throws IOException {
    List<Integer> shuffled = new ArrayList<>(IntStream.range(0, 8).boxed().toList());
    Collections.shuffle(shuffled, new Random(seed));
    int[] permutation = shuffled.stream().mapToInt(Integer::intValue).toArray();
    Corpus corpus = Corpora.of(Corpora.random(seed, 32, 25, 25));
    TinyMoe moe = TinyMoe.qwen3().experts(8).seed(seed);

    Evidence original = Measured.evidence(moe.write(folder.resolve("original")), corpus);
    moe.plant(Planted.permuted(permutation));
    Evidence permuted = Measured.evidence(moe.write(folder.resolve("permuted")), corpus);

    permuted
        .layers()
        .forEach((layer, values) -> {
          for (Statistic statistic : BY_DOMAIN) {
            double[] before = original.layers().get(layer).total(statistic);
            assertClose(
                values.total(statistic),
                Arrays.stream(permutation).mapToDouble(i -> before[i]).toArray());
          }
        });
  }

  private static void assertClose(double[] found, double[] expected) {
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    assertThat(found).containsExactly(expected, within(PERCENT / 100 * largest));
  }

  // Planted experts.

  @Test
  void silentExpertsAreReachedButScoreExactlyNothing() throws IOException {
    TinyMoe moe = TinyMoe.mixtral().experts(4).plant(Planted.silentExperts(1, 0, 2));

    Evidence.Layer layer =
        Measured.evidence(moe.write(folder), Corpora.of(Corpora.random(1, 32, 200)))
            .layers()
            .get(1);

    for (int expert = 0; expert < 4; expert++) {
      boolean silent = expert == 0 || expert == 2;
      assertThat(layer.total(ROUTED_TOKENS)[expert]).isPositive();
      for (Statistic statistic :
          List.of(OUTPUT_NORM_SUM, GATED_OUTPUT_NORM_SUM, EASY_EP_SUM, OUTPUT_MAXIMUM)) {
        assertThat(layer.total(statistic)[expert] == 0).as("%s", statistic).isEqualTo(silent);
      }
    }
  }

  @Test
  void unreachableExpertsGetNoToken() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().experts(6).plant(Planted.unreachableExperts(1, 2, 5));

    Evidence evidence =
        Measured.evidence(moe.write(folder), Corpora.of(Corpora.random(1, 32, 200)));

    for (Statistic statistic : Statistic.defaults()) {
      double[] total = evidence.layers().get(1).total(statistic);
      assertThat(new double[] {total[2], total[5]}).as("%s", statistic).containsOnly(0);
    }
    assertThat(evidence.layers().get(0).total(ROUTED_TOKENS)).doesNotContain(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void thePlantedSuperExpertIsFoundInTheFirstThreeQuartersOfTheLayers(int layer)
      throws IOException {
    TinyMoe moe = TinyMoe.qwen3().layers(4).experts(8).plant(Planted.superExpert(layer, 5));

    Evidence evidence =
        Measured.evidence(moe.write(folder), Corpora.of(Corpora.random(1, 32, 200)));

    assertThat(evidence.layers().get(layer).total(ROUTED_TOKENS)[5]).isPositive();
    if (layer < 3) {
      assertThat(SuperExperts.find(evidence, 4)).containsExactly(new ExpertId(layer, 5));
    } else {
      assertThat(SuperExperts.find(evidence, 4)).isEmpty();
    }
  }

  // Dropping what nobody uses.

  @ParameterizedTest
  @ValueSource(strings = {"true", "false"})
  void withoutItsUnreachableExpertsAModelGivesExactlyTheSameLogits(String renormalise)
      throws IOException {
    TinyMoe moe =
        TinyMoe.qwen3()
            .experts(6)
            .config("norm_topk_prob", renormalise)
            .plant(Planted.unreachableExperts(0, 1, 4))
            .plant(Planted.unreachableExperts(1, 0, 5));
    Corpus corpus = Corpora.of(Corpora.random(1, 32, 100, 40));
    List<KeepExperts> steps = List.of(keep(0, 0, 2, 3, 5), keep(1, 1, 2, 3, 4));

    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(moe.write(folder))) {
      PlannedCheckpoint pruned =
          new PlannedCheckpoint(checkpoint, Lowering.lower(MoeModel.of(checkpoint), steps));

      assertThat(
              Arrays.mismatch(
                  Streamed.logits(pruned, corpus, 2), Streamed.logits(checkpoint, corpus, 2)))
          .isEqualTo(-1);
    }
  }

  private static KeepExperts keep(int layer, Integer... kept) {
    return new KeepExperts(
        layer, "handpicked", "slice", List.of(kept), List.of(), Collections.nCopies(6, 0.0));
  }

  // Whether evidence on disk can be used again.

  @Test
  void evidenceAnswersTheQuestionItWasMeasuredFor() throws IOException {
    Corpus corpus = Corpora.of(Corpora.random(1, 32, 20));
    Corpus other = Corpora.of(List.of(new int[] {1}), List.of(new int[] {2}));
    Evidence evidence = Measured.evidence(TinyMoe.qwen3().write(folder), corpus);

    assertThat(Calibration.isOf(evidence, Measured.FINGERPRINT, corpus, 512)).isTrue();
    assertThat(Calibration.isOf(evidence, "sha256:other", corpus, 512)).isFalse();
    assertThat(Calibration.isOf(evidence, Measured.FINGERPRINT, corpus, 511)).isFalse();
    assertThat(Calibration.isOf(evidence, Measured.FINGERPRINT, other, 512)).isFalse();
  }

  @Test
  void nothingIsGatheredButWhatWasAskedFor() throws IOException {
    Corpus corpus = Corpora.of(Corpora.random(1, 32, 20));
    Path model = TinyMoe.qwen3().write(folder);

    Evidence evidence =
        Measured.evidence(model, corpus, EvidenceRequest.of(Set.of(GATE_SUM, OUTPUT_SUM)));

    assertThat(evidence.statistics()).containsExactly(ROUTED_TOKENS, GATE_SUM, OUTPUT_SUM);
    assertThat(evidence.sampling()).isNull();
    assertThat(evidence.layers().get(0).parts().hasReservoir()).isFalse();
  }
}
