package io.moepress.calibrate.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.EvidenceRequest;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// From a reservoir and the weights alone, what needs the outputs of experts that tokens did not
/// choose: the mean outputs of HC-SMoE, as the reference implementation has them.
class GoldenReservoirTest {
  private static final Path MODEL = GoldenMath.MODEL;
  private static final int HIDDEN = 128;
  private static final int WIDTH = 256;

  @TempDir static Path folder;

  private static JsonNode golden;
  private static Corpus corpus;
  private static CheckpointDirectory checkpoint;

  @BeforeAll
  static void calibrate() throws IOException {
    golden = GoldenMath.numbers();
    corpus = GoldenMath.corpus();
    checkpoint = CheckpointDirectory.open(MODEL);
    Set<Statistic> statistics = Set.of(Statistic.OUTPUT_SUM, Statistic.COACTIVATION);
    EvidenceFile.write(
        Measured.evidence(checkpoint, corpus, 2, new EvidenceRequest(statistics, 4096, 42)),
        folder.resolve("evidence"));
  }

  @AfterAll
  static void close() throws IOException {
    checkpoint.close();
  }

  /// 4096 rows are more than the 3836 tokens, so the mean is over all of them. Two implementations
  /// round inputs in float32, and the mean of thousands of outputs of a few units evens that out.
  @Test
  void meanOutputsOverAllTokensFollow() throws IOException {
    Evidence evidence = EvidenceFile.read(folder.resolve("evidence"));
    Reservoir reservoir = evidence.layers().get(1).reservoir();
    assertThat(reservoir.rows()).isEqualTo(golden.get("tokens").asInt());

    // Expert 0 was chosen by no token, expert 3 by 28.
    for (int expert : new int[] {0, 3}) {
      double[] mean = new double[HIDDEN];
      Expert network = Expert.read(1, expert);
      for (int row = 0; row < reservoir.rows(); row++) {
        double[] output = network.apply(reservoir.input(row));
        for (int i = 0; i < HIDDEN; i++) {
          mean[i] += output[i] / reservoir.rows();
        }
      }
      JsonNode expected = golden.at("/layers/1/hc_smoe/mean_outputs").get(expert);
      for (int i = 0; i < HIDDEN; i++) {
        assertThat(mean[i]).isCloseTo(expected.get(i).asDouble(), within(1e-4));
      }
    }
  }

  /// Over the tokens that chose the expert, the reservoir gives the sum that was gathered.
  @Test
  void sumsOverRoutedTokensFollowToo() throws IOException {
    Evidence.Layer layer = EvidenceFile.read(folder.resolve("evidence")).layers().get(1);
    Reservoir reservoir = layer.reservoir();
    Expert network = Expert.read(1, 3);
    double[] sum = new double[HIDDEN];
    int routed = 0;
    for (int slot = 0; slot < reservoir.experts().length; slot++) {
      if (reservoir.experts()[slot] == 3) {
        double[] output = network.apply(reservoir.input(slot / reservoir.topK()));
        for (int i = 0; i < HIDDEN; i++) {
          sum[i] += output[i];
        }
        routed++;
      }
    }

    assertThat(routed).isEqualTo(28);
    assertThat(layer.matrix(Statistic.COACTIVATION)[3][3]).isEqualTo(28);
    // 28 outputs of a few units in float32 and in float64
    assertThat(layer.matrix(Statistic.OUTPUT_SUM)[3]).containsExactly(sum, within(1e-3));
  }

  /// An expert as its formula says.
  private record Expert(float[] gate, float[] up, float[] down) {

    static Expert read(int layer, int expert) throws IOException {
      String prefix = "model.layers." + layer + ".block_sparse_moe.experts." + expert + ".";
      return new Expert(
          weight(prefix + "w1.weight"), weight(prefix + "w3.weight"), weight(prefix + "w2.weight"));
    }

    private static float[] weight(String name) throws IOException {
      try (Arena arena = Arena.ofConfined()) {
        return Numbers.floats(checkpoint.read(name, arena));
      }
    }

    double[] apply(float[] x) {
      double[] inner = new double[WIDTH];
      for (int i = 0; i < WIDTH; i++) {
        double g = 0;
        double u = 0;
        for (int j = 0; j < HIDDEN; j++) {
          g += (double) gate[i * HIDDEN + j] * x[j];
          u += (double) up[i * HIDDEN + j] * x[j];
        }
        inner[i] = g / (1 + Math.exp(-g)) * u;
      }
      double[] output = new double[HIDDEN];
      for (int i = 0; i < HIDDEN; i++) {
        for (int j = 0; j < WIDTH; j++) {
          output[i] += down[i * WIDTH + j] * inner[j];
        }
      }
      return output;
    }
  }
}
