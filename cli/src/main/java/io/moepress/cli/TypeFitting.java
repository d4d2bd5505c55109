package io.moepress.cli;

import io.moepress.quantize.SizeProgramme;
import io.moepress.quantize.SizeProgramme.Thing;
import io.moepress.recipes.gguf.GgufPlanner.Fitting;
import io.moepress.recipes.gguf.TypeChooser;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.util.List;

/// Chooses types of GGUF tensors by the programme that chooses bits.
final class TypeFitting {
  private TypeFitting() {}

  static Fitting of(Workers workers, Progress progress) {
    return new Fitting(TypeFitting::choose, workers, progress);
  }

  private static List<Integer> choose(List<TypeChooser.Matrix> matrices, long capacity) {
    return SizeProgramme.best(
        matrices.stream()
            .map(matrix -> new Thing(matrix.units(), matrix.sizes(), matrix.costs()))
            .toList(),
        capacity);
  }
}
