package io.moepress.cli;

import io.moepress.quantize.AlphaQ;
import io.moepress.quantize.Pmq;
import io.moepress.quantize.SizeProgramme;
import io.moepress.quantize.SizeProgramme.Thing;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.GgufPlanner;
import io.moepress.recipes.gguf.GgufPlanner.Fitting;
import io.moepress.recipes.gguf.TypeChooser;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.recipe.FitBy;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Chooses types of GGUF tensors by the programme that chooses bits.
final class TypeFitting {
  private TypeFitting() {}

  /// What a choice is made with.
  ///
  /// @param evidence of the model; null: none
  static Fitting of(FitBy by, @Nullable Evidence evidence, Workers workers, Progress progress) {
    return new Fitting(TypeFitting::choose, method(by), evidence, workers, progress);
  }

  /// What tells the cost of bits, where that is what is asked for.
  private static Optional<BitMethod> method(FitBy by) {
    return switch (by) {
      case MIX, ERROR -> Optional.empty();
      case MC_MOE -> Optional.of(Pmq.DEFAULT);
      case ALPHAQ -> Optional.of(AlphaQ.DEFAULT);
    };
  }

  /// The statistics without which there is no choice.
  static Set<Statistic> needs(FitBy by) {
    return method(by).map(GgufPlanner::needs).orElse(Set.of());
  }

  private static List<Integer> choose(List<TypeChooser.Matrix> matrices, long capacity) {
    return SizeProgramme.best(
        matrices.stream()
            .map(matrix -> new Thing(matrix.units(), matrix.sizes(), matrix.costs()))
            .toList(),
        capacity);
  }
}
