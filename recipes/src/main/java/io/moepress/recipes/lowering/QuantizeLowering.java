package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.GptqLayout;
import io.moepress.formats.integer.IntegerLayout;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Quantized;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import java.util.List;
import java.util.Optional;

/// What quantising weights of a layer means for each of its tensors.
///
/// @param model names and shapes
/// @param result where the programs go
record QuantizeLowering(MoeModel model, Result result) {

  /// Makes sure that a step fits the model.
  ///
  /// @throws PlanMismatchException when it does not
  static void requireFitting(MoeModel model, QuantizeWeights step) {
    int layer = step.layer();
    if (layer < 0 || layer >= model.layout().layers()) {
      throw new PlanMismatchException(
          "plan: quantize-weights: layer %d (expected 0 to %d)",
          layer, model.layout().layers() - 1);
    }
    for (Part part : step.parts()) {
      for (TensorRole role : part.linears()) {
        requireFitting(model, layer, part, role);
      }
    }
  }

  private static void requireFitting(MoeModel model, int layer, Part part, TensorRole role) {
    List<TensorId> tensors =
        model.inventory().names().keySet().stream()
            .filter(id -> id.layer() == layer && id.role() == role)
            .toList();
    tensors.forEach(id -> requireFitting(model, part, id));
    int matrices = tensors.size();
    if (matrices == 0) {
      throw new PlanMismatchException(
          "plan: quantize-weights: layer %d has no %s in this model", layer, role);
    }
    int codes = part.codes().size() / part.linears().size();
    if (part.schemes().size() > 1 && part.schemes().size() != matrices) {
      throw new PlanMismatchException(
          "plan: quantize-weights: layer %d: %d schemes for %s of %d experts",
          layer, part.schemes().size(), role, matrices);
    }
    if (codes > 0 && codes != matrices) {
      throw new PlanMismatchException(
          "plan: quantize-weights: layer %d: codes of %d matrices for %s, which has %d",
          layer, codes, role, matrices);
    }
  }

  private static void requireFitting(MoeModel model, Part part, TensorId id) {
    if (LinearInput.of(id.role()).isEmpty()) {
      throw new PlanMismatchException("plan: quantize-weights: %s is no linear map", id.role());
    }
    LinearShape shape = LinearShape.of(model, id);
    IntegerScheme scheme = part.scheme(id.expert());
    if (shape.stacked() != null || !scheme.divides(shape.inputs())) {
      throw new PlanMismatchException(
          "plan: quantize-weights: %s: shape %s (expected a matrix whose rows fill groups of %d)",
          model.inventory().name(id), model.info(id).shape(), scheme.groupSize());
    }
  }

  /// Lowers one tensor of the step's layer.
  void lower(TensorId id, QuantizeWeights step) {
    Optional<Part> part =
        step.parts().stream().filter(each -> each.linears().contains(id.role())).findFirst();
    if (part.isEmpty()) {
      model.parts(id).forEach(result::copy);
      return;
    }
    TensorInfo info = model.info(id);
    Quantized whole =
        new Quantized(
            new Copy(info.name()),
            part.get().scheme(id.expert()),
            layout(step.storage(), part.get().scheme(id.expert())),
            part.get().codes(id.role(), id.expert()),
            Quantized.DECODED);
    switch (step.storage()) {
      case DECODED -> result.add(info, whole);
      case COMPRESSED_TENSORS, GPTQ ->
          whole
              .layout()
              .layout(info, whole.scheme())
              .forEach((suffix, packed) -> result.add(packed, whole.part(suffix)));
    }
  }

  private static IntegerLayout layout(QuantizedStorage storage, IntegerScheme scheme) {
    return switch (storage) {
      case COMPRESSED_TENSORS, DECODED -> Quantized.PACKED;
      case GPTQ -> new GptqLayout(GptqLayout.Version.of(scheme));
    };
  }
}
