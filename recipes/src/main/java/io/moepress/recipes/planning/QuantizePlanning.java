package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.LinearShape;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.tensor.DType;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import io.moepress.recipes.plan.QuantizedStorage;
import io.moepress.recipes.planning.BitPlanning.Schemes;
import io.moepress.recipes.recipe.QuantizeStep;
import io.moepress.recipes.target.ExpertNumbers;
import io.moepress.recipes.target.Finding;
import io.moepress.recipes.target.QuantizedLayers;
import io.moepress.recipes.target.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Plans a step that quantises weights.
///
/// @param model what is changed
/// @param step what the recipe asks for
/// @param common what all kinds of steps need
record QuantizePlanning(MoeModel model, QuantizeStep step, PlanningContext common)
    implements StepPlanning {

  @Override
  public List<Finding> preflight() {
    requireFitting();
    QuantizedLayers.require(common.target(), step.options(), storage());
    if (storage() == QuantizedStorage.COMPRESSED_TENSORS) {
      bits().requireLoadable();
    }
    return common.checkTarget(ExpertNumbers.of(model.layout()));
  }

  @Override
  public List<PlanStep> decide(Evidence evidence) throws IOException {
    preflight();
    Schemes experts = bits().schemes(evidence, 0);
    List<PlanStep> steps = new ArrayList<>();
    for (int layer = 0; layer < model.layout().layers(); layer++) {
      List<Part> parts = parts(layer, experts);
      if (!parts.isEmpty()) {
        steps.add(new QuantizeWeights(layer, step.name(), storage(), parts));
      }
    }
    noteBits(experts);
    return steps;
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

  private List<Part> parts(int layer, Schemes chosen) {
    Map<TensorRole, List<IntegerScheme>> experts = new EnumMap<>(TensorRole.class);
    Set<TensorRole> others = EnumSet.noneOf(TensorRole.class);
    for (TensorId id : model.inventory().names().keySet()) {
      if (id.layer() == layer && isMap(id.role())) {
        if (id.role().isExpert()) {
          experts.computeIfAbsent(id.role(), _ -> new ArrayList<>()).add(chosen.of(id));
        } else {
          others.add(id.role());
        }
      }
    }
    List<Part> parts = new ArrayList<>();
    byScheme(experts)
        .forEach((schemes, roles) -> parts.add(new Part(roles, schemes, List.of())));
    if (!others.isEmpty() && step.options().others().isPresent()) {
      parts.add(new Part(List.copyOf(others), step.options().others().get()));
    }
    return parts;
  }

  /// Roles whose experts have the same schemes, and those; one for all where all are equal.
  private static Map<List<IntegerScheme>, List<TensorRole>> byScheme(
      Map<TensorRole, List<IntegerScheme>> experts) {
    Map<List<IntegerScheme>, List<TensorRole>> roles = new LinkedHashMap<>();
    experts.forEach((role, schemes) -> {
      boolean same = schemes.stream().distinct().count() == 1;
      List<IntegerScheme> key = same ? List.of(schemes.getFirst()) : schemes;
      roles.computeIfAbsent(key, _ -> new ArrayList<>()).add(role);
    });
    return roles;
  }

  /// Whether weights of a role are ever quantised: a router decides too much with too few weights.
  private static boolean isMap(TensorRole role) {
    return role != TensorRole.ROUTER
        && role != TensorRole.SHARED_ROUTER
        && LinearInput.of(role).isPresent();
  }

  private Optional<IntegerScheme> scheme(TensorId id, Schemes experts) {
    if (id.layer() == TensorId.NONE || !isMap(id.role())) {
      return Optional.empty();
    }
    return id.role().isExpert() ? Optional.of(experts.of(id)) : step.options().others();
  }

  private void requireFitting() {
    for (TensorId id : model.inventory().names().keySet()) {
      scheme(id, new Schemes.Same(step.options().experts()))
          .ifPresent(scheme -> requireFitting(id, scheme));
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
        step.options().bits().map(choice -> choice.widths().contains(1)).orElse(scheme.bits() == 1)
            && (scheme.isSymmetric() || step.options().bits().isPresent());
    if (storage() == QuantizedStorage.COMPRESSED_TENSORS && signs && id.role().isExpert()) {
      throw new PlanMismatchException(
          "symmetric weights of 1 bit have no layout (expected 2 bits or more, or \"storage: decoded\").");
    }
  }

  /// The largest power of two that divides rows into groups no larger than was asked for.
  private static long divisor(long inputs, int wanted) {
    return Math.min(Long.lowestOneBit(inputs), Integer.highestOneBit(wanted));
  }

  private void noteBits(Schemes experts) {
    long weights = 0;
    long bits = 0;
    long kept = 0;
    for (TensorId id : model.inventory().names().keySet()) {
      Optional<IntegerScheme> scheme = scheme(id, experts);
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
}
