package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;
import io.moepress.quantize.Gptq;
import io.moepress.quantize.GptqFactor;
import io.moepress.quantize.StoredGrid;
import io.moepress.recipes.linear.HessianSum;
import io.moepress.recipes.linear.LinearAlgebra;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// The time that GPTQ takes for a matrix of a real model.
@Tag("proof")
class GptqSpeedProof {
  private static final int ROWS = 768;
  private static final int COLUMNS = 2048;
  private static final int RUNS = 5;

  /// The gate of an expert of Qwen3-30B-A3B, its Hessian given: 0.4 seconds on each of two cores.
  /// Time of the processor counts, for others may use it, too.
  @Test
  void anExpertsGateTakesLessThanTwoCoresIn400Milliseconds() {
    LinearAlgebra algebra = LinearAlgebra.best();
    HessianSum sum = new HessianSum(COLUMNS, algebra);
    sum.add(drawn(COLUMNS * 1024, 1));
    float[] weights = drawn(ROWS * COLUMNS, 2);
    StoredGrid stored =
        new StoredGrid(new IntegerGrid(4, true), new Sharing.Group(128), DType.BF16);
    long taken = Long.MAX_VALUE;
    for (int i = 0; i < RUNS; i++) {
      long start = processorTime();
      GptqFactor factor = Gptq.DEFAULT.factor(sum.hessian(), COLUMNS, algebra);
      Gptq.Result result = Gptq.DEFAULT.encode(weights, ROWS, factor, stored);
      taken = Math.min(taken, processorTime() - start);
      assertThat(result.report().loss()).isPositive();
    }

    assertThat(Duration.ofNanos(taken)).isLessThan(Duration.ofMillis(2 * 400));
  }

  private static float[] drawn(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }

  private static long processorTime() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
