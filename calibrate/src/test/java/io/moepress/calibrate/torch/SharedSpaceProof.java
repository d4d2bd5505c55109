package io.moepress.calibrate.torch;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.MatrixMerger;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// The time that experts of a real model take.
@Tag("proof")
class SharedSpaceProof {

  /// The down projections of eight experts of Qwen1.5-MoE-A2.7B, on one core. Time of the processor
  /// counts, for others may use it, too.
  @Test
  void eightExpertsShareASpaceInLessThanTenSeconds() {
    ExpertMatrix shape = new ExpertMatrix(Projection.DOWN, 2048, 1408, 0, 1408, 1);
    MatrixMerger merger = new MatrixMerger(shape, 1024, LinearAlgebra.best());
    SplittableRandom random = new SplittableRandom(1);
    double[] matrix = new double[2048 * 1408];
    long start = processorTime();
    for (int expert = 0; expert < 8; expert++) {
      for (int i = 0; i < matrix.length; i++) {
        matrix[i] = random.nextDouble(-1, 1);
      }
      merger.add(matrix, 0.125, null);
    }

    double[] merged = merger.result();

    Duration taken = Duration.ofNanos(processorTime() - start);
    assertThat(merged).hasSameSizeAs(matrix);
    assertThat(taken).isLessThan(Duration.ofSeconds(10));
  }

  private static long processorTime() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
