package io.moepress.cli;

import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;
import io.moepress.quantize.Gptq;
import io.moepress.quantize.StoredGrid;
import io.moepress.recipes.linear.HessianSum;
import io.moepress.recipes.linear.LinearAlgebra;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// Linear algebra on one thread, in milliseconds: spectra (AlphaQ), bases (Sub-MoE) and codes
/// (GPTQ) of a matrix of `order` columns.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class AlgebraBenchmark {
  private static final int ROWS = 768;

  @Param({"512", "1024"})
  int order;

  private LinearAlgebra algebra;
  private double[] symmetric;
  private float[] weights;
  private StoredGrid grid;

  /// Draws inputs and weights.
  @Setup
  public void draw() {
    SplittableRandom random = new SplittableRandom(1);
    algebra = LinearAlgebra.best();
    HessianSum sum = new HessianSum(order, algebra);
    float[] inputs = new float[2 * order * order];
    weights = new float[ROWS * order];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    sum.add(inputs);
    symmetric = sum.hessian();
    grid = new StoredGrid(new IntegerGrid(4, true), new Sharing.Group(128), DType.BF16);
  }

  /// Eigenvalues alone.
  @Benchmark
  public double[] eigenvalues() {
    return algebra.eigenvalues(symmetric.clone(), order);
  }

  /// Eigenvalues and eigenvectors.
  @Benchmark
  public LinearAlgebra.Eigen eigenvectors() {
    return algebra.eigen(symmetric.clone(), order);
  }

  /// A product of two square matrices, as a measure of what the machine can do.
  @Benchmark
  public double[] product() {
    return algebra.product(symmetric, symmetric, order, order, order);
  }

  /// GPTQ of 768 rows to 4 bits in groups of 128, the factor of its Hessian included.
  @Benchmark
  public Gptq.Result gptq() {
    return Gptq.DEFAULT.encode(
        weights, ROWS, Gptq.DEFAULT.factor(symmetric.clone(), order, algebra), grid);
  }
}
