package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// What every expert says of every token of the reservoir, against an implementation that shares no
/// code. The reservoir holds all 3836 tokens of the corpus, as the golden numbers do.
class GoldenOutputsTest {
  private static final Path MODEL = GoldenMath.MODEL;
  private static final EvidenceRequest REQUEST =
      EvidenceRequest.of(
          Set.of(Statistic.RESERVOIR_OUTPUT_SUM, Statistic.RESERVOIR_OUTPUT_COSINE_SUM));

  private static JsonNode golden;
  private static Corpus corpus;
  private static Evidence evidence;

  @BeforeAll
  static void calibrate() throws IOException {
    golden = GoldenMath.numbers();
    corpus = GoldenMath.corpus();
    evidence = Measured.evidence(MODEL, corpus, REQUEST);
  }

  @Test
  void aSumOverTheReservoirBringsAReservoir() {
    assertThat(REQUEST.reservoirTokens()).isEqualTo(EvidenceRequest.DEFAULT_RESERVOIR_TOKENS);
    assertThat(evidence.sampling()).isEqualTo(new Evidence.Sampling(3836, 0L));
  }

  /// Means of thousands of outputs of a few units, each a sum of float32 products that two
  /// implementations round differently.
  @Test
  void meanOutputsAreTheReferenceImplementations() {
    evidence
        .layers()
        .forEach((layer, values) -> {
          double[][] sums = values.matrix(Statistic.RESERVOIR_OUTPUT_SUM);
          JsonNode expected = golden.at("/layers/" + layer + "/hc_smoe/mean_outputs");
          assertThat(sums).hasDimensions(8, 128);
          for (int expert = 0; expert < 8; expert++) {
            for (int i = 0; i < 128; i++) {
              assertThat(sums[expert][i] / 3836)
                  .isCloseTo(expected.get(expert).get(i).asDouble(), within(1e-4));
            }
          }
        });
  }

  @Test
  void meanCosinesAreTheReferenceImplementations() {
    evidence
        .layers()
        .forEach((layer, values) -> {
          double[][] sums = values.matrix(Statistic.RESERVOIR_OUTPUT_COSINE_SUM);
          JsonNode expected = golden.at("/layers/" + layer + "/sub_moe_similarity");
          for (int i = 0; i < 8; i++) {
            for (int j = 0; j < 8; j++) {
              assertThat(sums[i][j]).isEqualTo(sums[j][i]);
              assertThat(sums[i][j] / 3836)
                  .as("layer %d, experts %d and %d", layer, i, j)
                  .isCloseTo(expected.get(i).get(j).asDouble(), within(1e-4));
            }
          }
        });
  }

  @Test
  void theNumberOfWorkersDoesNotChangeABit() throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(MODEL)) {
      Evidence alone = Measured.evidence(checkpoint, corpus, 1, REQUEST);
      for (Statistic statistic : REQUEST.statistics()) {
        for (int layer : evidence.layers().keySet()) {
          assertThat(Measured.rows(alone.layers().get(layer), statistic))
              .isDeepEqualTo(Measured.rows(evidence.layers().get(layer), statistic));
        }
      }
    }
  }
}
