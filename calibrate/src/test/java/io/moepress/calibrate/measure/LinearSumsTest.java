package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpora;
import io.moepress.calibrate.corpus.Corpus;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.json.Json;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.LinearSums;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// What the linear maps of every layer read, against sums that hooks in transformers formed.
class LinearSumsTest {
  private static final LinearStatistic SQUARES = LinearStatistic.LINEAR_INPUT_SQUARE_SUM;
  private static final EvidenceRequest REQUEST =
      EvidenceRequest.of(Set.of(Statistic.INPUT_SQUARE_SUM)).andLinears(Set.of(SQUARES));

  @TempDir private Path folder;

  /// Sums of squares that two implementations round differently, tokens by tens.
  @ParameterizedTest
  @CsvSource({
    "tiny-deepseekv3, models/tiny-deepseekv3",
    "qwen2_moe, golden/arch/qwen2_moe",
    "deepseek_v2, golden/arch/deepseek_v2"
  })
  void sumsAreThoseOfTheReference(String key, String model) throws IOException {
    JsonNode golden = Json.object(TestData.path("golden/linears.json")).get(key);

    Evidence evidence = Measured.evidence(TestData.path(model), corpus(golden), REQUEST);

    assertThat(evidence.linearStatistics()).containsExactly(SQUARES);
    assertThat(evidence.linears()).hasSameSizeAs(golden.get("layers"));
    evidence
        .linears()
        .forEach((layer, sums) -> assertSame(sums, golden.get("layers").get("" + layer)));
  }

  private static Corpus corpus(JsonNode golden) {
    return Corpora.of(
        StreamSupport.stream(golden.get("ids").spliterator(), false)
            .map(ids -> IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).toArray())
            .toArray(int[][]::new));
  }

  private static void assertSame(LinearSums sums, JsonNode golden) {
    assertThat(sums.inputs(SQUARES).stream().map(LinearInput::label))
        .containsExactlyInAnyOrderElementsOf(golden.propertyNames());
    for (LinearInput input : sums.inputs(SQUARES)) {
      JsonNode expected = golden.get(input.label());
      double[] found = sums.sum(SQUARES, input)[0];
      double total = expected.get("sum").asDouble();
      assertThat(found).as("%s", input).hasSize(expected.get("width").asInt());
      assertThat(Arrays.stream(found).sum()).as("%s", input).isCloseTo(total, within(1e-4 * total));
      for (int i = 0; i < expected.get("first").size(); i++) {
        assertThat(found[i])
            .as("%s %d", input, i)
            .isCloseTo(expected.get("first").get(i).asDouble(), within(1e-4 * total));
      }
    }
  }

  /// Where all tokens reach all experts, each expert reads what the router reads.
  @Test
  void routersReadWhatExpertsRead() throws IOException {
    Corpus corpus = Corpora.of(Corpora.random(3, 32, 12, 7));
    TinyMoe moe = TinyMoe.qwen3().experts(3).topK(3);

    Evidence evidence = Measured.evidence(moe.write(folder), corpus, REQUEST);

    for (int layer = 0; layer < 2; layer++) {
      double[] router = evidence.layer(layer).linears().sum(SQUARES, LinearInput.FEED_FORWARD)[0];
      double[][] experts = evidence.layers().get(layer).matrix(Statistic.INPUT_SQUARE_SUM);
      double largest = Arrays.stream(router).max().orElseThrow();
      for (double[] expert : experts) {
        assertThat(expert).containsExactly(router, within(1e-12 * largest));
      }
    }
  }

  @Test
  void theNumberOfWorkersDoesNotChangeABit() throws IOException {
    Path model = TestData.path("models/tiny-deepseekv3");
    Corpus corpus =
        corpus(Json.object(TestData.path("golden/linears.json")).get("tiny-deepseekv3"));
    for (int threads : new int[] {1, 3}) {
      try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model)) {
        Evidence evidence = Measured.evidence(checkpoint, corpus, threads, REQUEST);
        EvidenceFile.write(evidence, folder.resolve("" + threads));
      }
    }

    for (String file : new String[] {"evidence.json", "linears/layer-00003.safetensors"}) {
      assertThat(folder.resolve("1").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("3").resolve(file));
    }
    Evidence read = EvidenceFile.readIntact(folder.resolve("1"));
    assertThat(REQUEST.missingFrom(read)).isEmpty();
    assertThat(read.linears().get(0).inputs(SQUARES)).contains(LinearInput.DENSE_DOWN);
  }

  @Test
  void whatNobodyAsksForIsNotGathered() throws IOException {
    Evidence evidence =
        Measured.evidence(
            TinyMoe.qwen3().write(folder),
            Corpora.of(new int[] {1, 2}),
            EvidenceRequest.of(Set.of()));

    assertThat(evidence.linears()).isEmpty();
    assertThat(REQUEST.missingFrom(evidence))
        .containsExactly("input-square-sum", "linear-input-square-sum");
  }
}
