package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// The first 25 mathematics texts on a trained model, against an implementation that shares no
/// code.
class GoldenEvidenceTest {
  private static final Path MODEL = GoldenMath.MODEL;

  private static JsonNode golden;
  private static Corpus corpus;
  private static Evidence evidence;

  @BeforeAll
  static void calibrate() throws IOException {
    golden = GoldenMath.numbers();
    corpus = GoldenMath.corpus();
    evidence = Measured.evidence(MODEL, corpus, 4);
  }

  @Test
  void theSameTokensAreSeen() {
    assertThat(evidence.tokens()).isEqualTo(golden.get("tokens").asInt());
    assertThat(evidence.domains().getFirst().sequences()).isEqualTo(25);
    assertThat(evidence.layers()).containsOnlyKeys(0, 1, 2, 3);
  }

  /// Sums over thousands of tokens of float32 values that two implementations round differently.
  @ParameterizedTest
  @CsvSource({
    "ROUTED_TOKENS, routed_tokens",
    "GATE_SUM, gate_sum",
    "ROUTER_SCORE_SUM, pmq/gate_weight",
    "OUTPUT_NORM_SUM, output_norm_sum",
    "OUTPUT_SQUARE_SUM, output_sq_sum",
    "GATED_OUTPUT_NORM_SUM, gated_output_norm_sum",
    "EASY_EP_SUM, easy_ep",
    "OUTPUT_MAXIMUM, max_abs_output",
  })
  void everyStatisticIsTheReferenceImplementations(Statistic statistic, String key) {
    evidence
        .layers()
        .forEach((layer, values) -> {
          JsonNode expected = golden.at("/layers/" + layer + "/" + key);
          assertThat(expected.size()).isEqualTo(8);
          for (int expert = 0; expert < 8; expert++) {
            assertThat(values.total(statistic)[expert])
                .as("layer %d, expert %d", layer, expert)
                .isCloseTo(expected.get(expert).asDouble(), withPercentage(0.01));
          }
        });
  }

  /// MC-MoE's `ε`: the norm over the corpus of what rounding one expert changes of the block's
  /// output.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void roundingErrorsAreTheReferenceImplementations(int bits) {
    evidence
        .layers()
        .forEach((layer, values) -> {
          JsonNode expected = golden.at("/layers/" + layer + "/pmq/error_1_2_3_bits_group128");
          assertThat(expected.size()).isEqualTo(8);
          for (int expert = 0; expert < 8; expert++) {
            double found = Math.sqrt(values.total(Statistic.roundingError(bits))[expert]);
            assertThat(found)
                .as("layer %d, expert %d", layer, expert)
                .isCloseTo(expected.get(expert).get(bits - 1).asDouble(), withPercentage(0.1));
          }
        });
  }

  @Test
  void theNumberOfWorkersDoesNotChangeABit(@TempDir Path folder) throws IOException {
    EvidenceFile.write(evidence, folder.resolve("four"));
    EvidenceFile.write(Measured.evidence(MODEL, corpus, 1), folder.resolve("one"));

    for (String file :
        List.of("evidence.json", "evidence.safetensors", "matrices/layer-00002.safetensors")) {
      assertThat(folder.resolve("one").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("four").resolve(file));
    }
  }

  @Test
  void whatIsOnDiskAnswersTheSameQuestion(@TempDir Path folder) throws IOException {
    EvidenceFile.write(evidence, folder.resolve("evidence"));
    Evidence read = EvidenceFile.read(folder.resolve("evidence"));

    assertThat(Calibration.isOf(read, Measured.FINGERPRINT, corpus, 512)).isTrue();
    assertThat(Measured.EVERYTHING.missingFrom(read)).isEmpty();
  }
}
