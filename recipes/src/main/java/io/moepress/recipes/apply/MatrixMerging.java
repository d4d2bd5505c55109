package io.moepress.recipes.apply;

import io.moepress.formats.Checks;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.MatrixMerger;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices.Part;
import io.moepress.recipes.plan.PlanArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Makes the tensor of a merged expert of those of its members.
final class MatrixMerging {
  private final MergedMatrices program;
  private final int @Nullable [] neurons; // [experts, width]
  private final List<MatrixMerger> mergers = new ArrayList<>();

  MatrixMerging(MergedMatrices program) {
    this.program = program;
    PlanArray array = program.neurons();
    this.neurons = array == null ? null : array.ints();
    for (Part part : program.parts()) {
      mergers.add(new MatrixMerger(part.matrix(), part.rank(), basis(part), LinearAlgebra.best()));
    }
  }

  private static double @Nullable [] basis(Part part) {
    PlanArray array = part.basis();
    if (array == null) {
      return null;
    }
    float[] numbers = array.floats();
    double[] basis = new double[numbers.length];
    for (int i = 0; i < basis.length; i++) {
      basis[i] = numbers[i];
    }
    return basis;
  }

  /// Adds a member.
  ///
  /// @param place in the list of members
  /// @param tensor its elements
  void add(int place, float[] tensor) {
    for (int i = 0; i < mergers.size(); i++) {
      double[] matrix = program.parts().get(i).matrix().read(tensor);
      mergers.get(i).add(matrix, program.weights().get(place), places(place));
    }
  }

  private int @Nullable [] places(int place) {
    PlanArray array = program.neurons();
    if (neurons == null || array == null) {
      return null;
    }
    int expert = program.members().get(place);
    int width = Math.toIntExact(array.shape().get(1));
    Checks.require(
        expert < array.shape().getFirst(), "%s has no neurons of expert %d", array, expert);
    return Arrays.copyOfRange(neurons, expert * width, (expert + 1) * width);
  }

  /// The elements of the merged tensor.
  float[] result(int elements) {
    float[] tensor = new float[elements];
    for (int i = 0; i < mergers.size(); i++) {
      program.parts().get(i).matrix().write(mergers.get(i).result(), tensor);
    }
    return tensor;
  }
}
