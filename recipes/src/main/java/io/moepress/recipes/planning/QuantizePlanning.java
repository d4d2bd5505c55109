package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.ExpertId;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.recipe.QuantizeStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.QuantizedLayers;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Plans a step that quantises weights.
///
/// @param model what is changed
/// @param step what the recipe asks for
/// @param common what all kinds of steps need
/// @param scope which weights
record QuantizePlanning(
    MoeModel model, QuantizeStep step, PlanningContext common, QuantizedParts scope)
    implements StepPlanning {
  private static final int LISTED = 64;

  /// What is drawn by lot is the same in every run.
  private static final long NO_SEED = 0;

  QuantizePlanning(MoeModel model, QuantizeStep step, PlanningContext common) {
    this(model, step, common, new QuantizedParts(model, step.options()));
  }

  @Override
  public List<Finding> preflight() {
    requireFitting();
    QuantizedLayers.require(common.target(), step.options(), storage());
    switch (storage()) {
      case COMPRESSED_TENSORS -> bits().requireLoadable();
      case DECODED -> requireNoSize();
    }
    return common.checkTarget(ExpertNumbers.of(model.layout()));
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    preflight();
    ChosenBits bits =
        step.method() instanceof DecidedCodes decided ? decided.bits() : choose(evidence);
    bits.notes().forEach(common::note);
    QuantizedParts chosen = new QuantizedParts(model, step.options(), bits.schemes());
    List<PlanStep> steps = new ArrayList<>();
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      List<Part> parts = parts(layer, chosen);
      if (!parts.isEmpty()) {
        steps.add(new QuantizeWeights(layer, step.name(), storage(), parts));
      }
    }
    noteBits(chosen);
    if (step.method() instanceof DecidedCodes decided) {
      noteFound(decided);
    }
    return steps;
  }

  /// The bits of experts.
  ChosenBits choose(Evidence evidence) throws IOException {
    return bits().choose(evidence, NO_SEED);
  }

  private void requireNoSize() {
    if (step.options().bits().map(choice -> choice.fit().isPresent()).orElse(false)) {
      throw new PlanMismatchException(
          "fit: decoded weights are as large as before. Use \"storage: compressed-tensors\", or"
              + " \"bits\" for a budget without a size.");
    }
  }

  private BitPlanning bits() {
    return new BitPlanning(model, step.options(), common);
  }

  private QuantizedStorage storage() {
    return step.options()
        .storage()
        .orElse(
            common.target() == Target.RESEARCH
                ? QuantizedStorage.DECODED
                : QuantizedStorage.COMPRESSED_TENSORS);
  }

  private List<Part> parts(int layer, QuantizedParts chosen) {
    return switch (step.method()) {
      case DecidedCodes decided when decided.layers().containsKey(layer) ->
          decided.layers().get(layer).step().parts();
      case CalibratedQuantization method ->
          throw new IllegalStateException(method.name() + " has not looked at inputs yet");
      default -> chosen.of(layer);
    };
  }

  private void requireFitting() {
    for (TensorId id : model.inventory().names().keySet()) {
      scope.scheme(id).ifPresent(scheme -> requireFitting(id, scheme));
    }
  }

  private void requireFitting(TensorId id, IntegerScheme scheme) {
    LinearShape shape = LinearShape.of(model, id);
    String name = model.inventory().name(id);
    if (shape.stacked() != null) {
      throw new PlanMismatchException(
          "%s holds a matrix for each expert: such weights cannot be quantised yet (expected a tensor"
              + " for each expert and projection)",
          name);
    }
    if (!scheme.divides(shape.inputs())) {
      throw new PlanMismatchException(
          "group-size: %d: the rows of %s have %d weights (expected a divisor). Use \"group-size: %d\".",
          scheme.groupSize(), name, shape.inputs(), divisor(shape.inputs(), scheme.groupSize()));
    }
    boolean signs =
        (id.role().isExpert() && step.options().bits().isPresent())
            ? step.options().bits().get().widths().contains(1)
            : scheme.bits() == 1 && scheme.isSymmetric();
    if (storage() == QuantizedStorage.COMPRESSED_TENSORS && signs) {
      throw new PlanMismatchException(
          "%s: symmetric weights of 1 bit have no layout (expected 2 bits or more). Use \"storage:"
              + " decoded\".",
          name);
    }
  }

  /// The largest power of two that divides rows into groups no larger than was asked for.
  private static long divisor(long inputs, int wanted) {
    return Math.min(Long.lowestOneBit(inputs), Integer.highestOneBit(wanted));
  }

  private void noteBits(QuantizedParts chosen) {
    long weights = 0;
    long bits = 0;
    long kept = 0;
    for (TensorId id : model.inventory().names().keySet()) {
      Optional<IntegerScheme> scheme = chosen.scheme(id);
      if (scheme.isEmpty()) {
        kept += model.info(id).shape().elementCount();
        continue;
      }
      LinearShape shape = LinearShape.of(model, id);
      DType type = model.info(id).dtype();
      weights += shape.weights();
      bits += scheme.get().storedBits(shape.outputs(), shape.inputs(), type);
    }
    common.note(
        Checks.text(
            "quantised: %,d weights of %,d, to %.2f bits each with their scales; the others stay",
            weights, weights + kept, (double) bits / Math.max(1, weights)));
    if (storage() == QuantizedStorage.DECODED) {
      common.note(
          "quantised weights are written as the numbers they stand for: the files are as large as"
              + " before");
    }
  }

  private void noteFound(DecidedCodes decided) {
    common.note(
        decided.sequential()
            ? "each layer was measured behind its predecessors as they will be"
            : "all layers were measured in the model as it was");
    List<ExpertId> starved = new ArrayList<>();
    List<ExpertId> raised = new ArrayList<>();
    decided
        .layers()
        .forEach((layer, codes) -> {
          codes.starved().forEach(expert -> starved.add(new ExpertId(layer, expert)));
          codes.raised().stream()
              .filter(LayerCodes.Raised::isOfExpert)
              .map(LayerCodes.Raised::expert)
              .distinct()
              .forEach(expert -> raised.add(new ExpertId(layer, expert)));
        });
    noteExperts(starved, "saw too few calibration tokens, so their weights are rounded to nearest");
    noteExperts(raised, "needed more damping than was asked for");
    noteOthers(decided);
  }

  private void noteOthers(DecidedCodes decided) {
    List<String> raised = new ArrayList<>();
    decided
        .layers()
        .forEach((layer, codes) ->
            codes.raised().stream()
                .filter(each -> !each.isOfExpert())
                .forEach(each -> raised.add(layer + ":" + each.input().label())));
    if (!raised.isEmpty()) {
      common.note(
          Checks.text(
              "%d inputs of attention, shared experts and dense networks needed more damping than was"
                  + " asked for (layer:input): %s",
              raised.size(), raised));
    }
  }

  private void noteExperts(List<ExpertId> experts, String what) {
    if (!experts.isEmpty()) {
      int more = experts.size() - LISTED;
      common.note(
          Checks.text(
              "%d experts %s (layer:expert): %s%s",
              experts.size(),
              what,
              experts.stream().limit(LISTED).toList(),
              more > 0 ? Checks.text(" and %d more", more) : ""));
    }
  }
}
