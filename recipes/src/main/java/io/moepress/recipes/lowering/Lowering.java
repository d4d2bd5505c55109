package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.SparsifyWeights;
import java.util.List;
import java.util.Optional;

/// Turns decisions about experts into programs for tensors.
///
/// * Experts that stay are renumbered from 0 in ascending order of their old index.
/// * Tensors with one slice for each expert (the router, its selection bias, stacked experts) are
///   cut with the same list of indices.
/// * Where dropped experts are masked instead, all stay, and the selection bias rules them out.
/// * Every config key that holds the number of experts gets the new number, or, where layers
///   differ, a list of one for each layer with experts.
/// * Where a merge keeps all router rows, `config.json` gets a map from rows to experts.
/// * Where the router chooses by groups of experts, each group keeps equally many.
/// * Layers for multi-token prediction are copied with all experts, and without are dropped, or
///   pruned like a layer of the main model.
/// * Quantised weights are stored as codes and scales, and `quantization_config` says which linear
///   layers are, and lists all that are not.
/// * Weights that shall be zero are so in the tensors they stand in; nothing else changes.
/// * Conservation law: each source tensor is used by a program or listed as dropped.
///
/// Only headers are needed, so a plan for a model of any size is lowered in a moment.
public final class Lowering {
  private final MoeModel model;
  private final Decisions decisions;
  private final Result result = new Result();

  private Lowering(MoeModel model, Decisions decisions) {
    this.model = model;
    this.decisions = decisions;
  }

  /// Lowers the steps of a plan. No step at all copies everything.
  ///
  /// @throws PlanMismatchException when the steps do not fit the model
  public static LoweredPlan lower(MoeModel model, List<? extends PlanStep> steps) {
    return new Lowering(model, Decisions.of(model, steps)).lower();
  }

  private LoweredPlan lower() {
    model.inventory().names().keySet().forEach(this::lower);
    lowerPrediction();
    if (isCut()) {
      result.requireSchemesKept(model.layout().config());
    }
    return result.plan(config(), model.checkpoint().tensors().keySet());
  }

  private void lower(TensorId id) {
    Optional<ExpertStep> experts = decisions.about(id.layer());
    Optional<SparsifyWeights> weights = decisions.aboutWeights(id.layer());
    Optional<QuantizeWeights> codes = decisions.aboutCodes(id.layer());
    if (experts.isPresent()) {
      LayerLowering layer = new LayerLowering(model.layout(), result);
      model.parts(id).forEach(part -> layer.lower(id, part, experts.get()));
    } else if (weights.isPresent()) {
      new ZeroLowering(model, result).lower(id, weights.get());
    } else if (codes.isPresent()) {
      new QuantizeLowering(model, result).lower(id, codes.get());
    } else {
      model.parts(id).forEach(result::copy);
    }
  }

  private void lowerPrediction() {
    PredictionLowering prediction = new PredictionLowering(model, result);
    Optional<ExpertStep> step = decisions.aboutPrediction();
    if (step.isPresent()) {
      prediction.prune(step.get());
    } else if (isCut()) {
      prediction.drop(decisions.expertsLeft());
    } else {
      prediction.copy();
    }
  }

  private boolean isCut() {
    return !decisions.expertsLeft().equals(model.layout().expertCounts());
  }

  private ModelConfig config() {
    ModelLayout layout = decisions.layout();
    if (!isCut()) {
      return QuantizedConfig.of(model, layout.config(), decisions.quantized());
    }
    ModelConfig config = ExpertCounts.written(layout, decisions.expertsLeft());
    if (decisions.keepsRows()) {
      config = decisions.expertMap().in(config);
    }
    MultiTokenPrediction extra = layout.architecture().multiTokenPrediction();
    boolean drops = decisions.aboutPrediction().isEmpty();
    if (drops && extra != null && layout.flag("config." + extra.countKey())) {
      config = config.with(extra.countKey(), 0);
    }
    return config;
  }
}
