package io.moepress.recipes.plan;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.plan.SparsifyWeights.Part;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// Steps that set weights of experts to zero, made up for a test, and what they should do.
///
/// @param seed decides the norms
/// @param experts number of experts
/// @param hidden width of the residual stream
/// @param width of an expert
/// @param pattern how many of a row
/// @param dense experts whose weights all stay
public record SampleZeros(
    long seed, int experts, int hidden, int width, ZeroPattern pattern, List<Integer> dense) {

  public SampleZeros {
    dense = List.copyOf(dense);
  }

  /// The step for a layer that stores each matrix in a tensor of its own.
  public SparsifyWeights separate(int layer) {
    return step(
        layer,
        List.of(TensorRole.EXPERT_GATE, TensorRole.EXPERT_UP),
        List.of(TensorRole.EXPERT_DOWN));
  }

  /// The step for a layer whose experts are stacked.
  public SparsifyWeights stacked(int layer) {
    return step(layer, List.of(TensorRole.EXPERTS_GATE_UP), List.of(TensorRole.EXPERTS_DOWN));
  }

  private SparsifyWeights step(int layer, List<TensorRole> first, List<TensorRole> second) {
    return new SparsifyWeights(
        layer,
        "test",
        List.of(
            new Part(LinearInput.EXPERT, first, pattern, array(layer, hidden), dense),
            new Part(LinearInput.EXPERT_DOWN, second, pattern, array(layer, width), dense)));
  }

  private PlanArray array(int layer, int inputs) {
    return PlanArray.floats("norms", Shape.of(experts, inputs), () -> norms(layer, inputs));
  }

  private float[] norms(int layer, int inputs) {
    SplittableRandom random = new SplittableRandom(seed + 31L * layer + inputs);
    float[] norms = new float[experts * inputs];
    for (int i = 0; i < norms.length; i++) {
      norms[i] = (float) random.nextDouble(0.1, 4);
    }
    return norms;
  }

  /// A matrix `[out, in]` of an expert as it should be, by sorting each row.
  public float[] zeroed(int layer, int expert, int inputs, float[] matrix) {
    float[] zeroed = matrix.clone();
    if (dense.contains(expert)) {
      return zeroed;
    }
    float[] norms =
        Arrays.copyOfRange(norms(layer, inputs), expert * inputs, (expert + 1) * inputs);
    int run = pattern.run(inputs);
    for (int first = 0; first < matrix.length; first += run) {
      int row = first / inputs * inputs;
      IntStream.range(first, first + run)
          .boxed()
          .sorted(Comparator.comparingDouble(i -> Math.abs((double) matrix[i]) * norms[i - row]))
          .limit(pattern.zerosOf(inputs))
          .forEach(i -> zeroed[i] = 0);
    }
    return zeroed;
  }
}
