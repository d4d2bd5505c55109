package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.ZeroSmallest;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.plan.SparsifyWeights.Part;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// What setting weights of a layer to zero means for each of its tensors.
///
/// @param model names, shapes and axes
/// @param result where the programs go
record ZeroLowering(MoeModel model, Result result) {

  /// Makes sure that a step fits the model.
  ///
  /// @throws PlanMismatchException when it does not
  static void requireFitting(MoeModel model, SparsifyWeights step) {
    int layer = step.layer();
    if (layer < 0 || layer >= model.layout().layers()) {
      throw new PlanMismatchException(
          "plan: sparsify-weights: layer %d (expected 0 to %d)",
          layer, model.layout().layers() - 1);
    }
    for (Part part : step.parts()) {
      for (TensorRole role : part.linears()) {
        List<TensorId> tensors =
            model.inventory().names().keySet().stream()
                .filter(id -> id.layer() == layer && id.role() == role)
                .toList();
        if (tensors.isEmpty()) {
          throw new PlanMismatchException(
              "plan: sparsify-weights: layer %d has no %s in this model", layer, role);
        }
        requireFitting(model, layer, part, tensors.getFirst());
      }
    }
  }

  private static void requireFitting(MoeModel model, int layer, Part part, TensorId id) {
    LinearShape shape = LinearShape.of(model, id);
    long rows = part.input().isOfExperts() ? model.layout().experts(layer) : 1;
    PlanArray norms = part.norms();
    if (norms != null && !norms.shape().equals(List.of(rows, shape.inputs()))) {
      throw new PlanMismatchException(
          "plan: sparsify-weights: layer %d: %s has shape %s (expected [%d, %d] for %s)",
          layer, norms.name(), norms.shape(), rows, shape.inputs(), id.role());
    }
    if (!part.pattern().fits(shape.inputs())) {
      throw new PlanMismatchException(
          "pattern %s: layer %d: the rows of %s have %d weights (expected a multiple of %d). Use a"
              + " share such as \"sparsity: 50%%\".",
          part.pattern(), layer, id.role(), shape.inputs(), part.pattern().every());
    }
    if (!part.dense().isEmpty() && part.dense().getLast() >= rows) {
      throw new PlanMismatchException(
          "plan: sparsify-weights: layer %d: expert %d stays dense, but there are %d",
          layer, part.dense().getLast(), rows);
    }
  }

  /// Lowers one tensor of the step's layer.
  void lower(TensorId id, SparsifyWeights step) {
    Optional<Part> part =
        step.parts().stream().filter(each -> each.linears().contains(id.role())).findFirst();
    List<Integer> rows = part.map(each -> rows(id, each)).orElse(List.of());
    if (part.isEmpty() || rows.stream().allMatch(row -> row == ZeroSmallest.DENSE)) {
      result.copy(model.info(id));
      return;
    }
    result.add(
        model.info(id),
        new ZeroSmallest(
            new Copy(model.inventory().name(id)),
            part.get().pattern(),
            LinearShape.of(model, id).stacked(),
            part.get().norms(),
            rows));
  }

  /// The row of the norms for each matrix of a tensor.
  private List<Integer> rows(TensorId id, Part part) {
    LinearShape shape = LinearShape.of(model, id);
    if (shape.stacked() != null) {
      return IntStream.range(0, shape.matrices()).map(expert -> row(part, expert)).boxed().toList();
    }
    return List.of(id.expert() == TensorId.NONE ? 0 : row(part, id.expert()));
  }

  private static int row(Part part, int expert) {
    return part.dense().contains(expert) ? ZeroSmallest.DENSE : expert;
  }
}
