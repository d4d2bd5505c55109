package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.lowprecision.SourceScheme;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.GroupRule;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RoutingChange;
import io.moepress.recipes.plan.SparsifyWeights;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The steps of a plan, checked against the model and against each other.
final class Decisions {
  private final MoeModel model;
  private final ModelLayout layout;
  private final Map<Integer, ExpertStep> layers = new LinkedHashMap<>();
  private final Map<Integer, SparsifyWeights> zeros = new LinkedHashMap<>();
  private final Map<Integer, QuantizeWeights> quantized = new LinkedHashMap<>();
  private @Nullable PruneMultiTokenPrediction prediction;

  private Decisions(MoeModel model, List<? extends PlanStep> steps) {
    this.model = model;
    this.layout = RoutingChange.apply(model.layout(), steps);
    for (PlanStep step : steps) {
      switch (step) {
        case IgnoreGroups ignore -> {} // in the layout
        case LowerTopK lower -> {} // in the layout
        case ExpertStep experts -> add(experts);
        case SparsifyWeights sparsify -> add(sparsify);
        case QuantizeWeights quantize -> add(quantize);
        case PruneMultiTokenPrediction prune -> add(prune);
      }
    }
  }

  /// Checks the steps of a plan.
  ///
  /// @throws PlanMismatchException when they do not fit
  static Decisions of(MoeModel model, List<? extends PlanStep> steps) {
    Decisions decisions = new Decisions(model, steps);
    long kinds =
        Stream.of(decisions.layers, decisions.zeros, decisions.quantized)
            .filter(chosen -> !chosen.isEmpty())
            .count();
    if (kinds > 1) {
      throw new PlanMismatchException(
          "plan: steps about experts, about zeros and about codes (expected one kind). Make two plans,"
              + " the second for the result of the first.");
    }
    switch (decisions.mode()) {
      case SLICE -> decisions.requireSliceable();
      case MASK -> decisions.requireMaskable();
    }
    return decisions;
  }

  private void add(ExpertStep step) {
    int layer = step.layer();
    if (!layout.moeLayers().contains(layer)) {
      throw new PlanMismatchException(
          "plan: layer %d has no experts in this model (expected one of %s)",
          layer, layout.moeLayers());
    }
    if (step.experts() != layout.experts(layer)) {
      throw new PlanMismatchException(
          "plan: layer %d: made for %d experts, but the model has %d",
          layer, step.experts(), layout.experts(layer));
    }
    if (layers.put(layer, step) != null) {
      throw new PlanMismatchException("plan: layer %d: two steps are about its experts", layer);
    }
    switch (step) {
      case KeepExperts keep -> {} // moves bytes
      case MergeExperts merge -> requireDecoded(layer, "merges experts");
    }
    ExpertStep first = layers.values().iterator().next();
    if (mode(step) != mode(first)) {
      throw new PlanMismatchException(
          "plan: layer %d has router %s and layer %d has %s (expected the same in each)",
          first.layer(), mode(first).label(), layer, mode(step).label());
    }
  }

  /// Numbers in low precision can be moved, but have to be decoded to be calculated with.
  private void requireDecoded(int layer, String does) {
    if (!model.inventory().stored().encoded().isEmpty()) {
      throw new PlanMismatchException(
          "plan: layer %d %s, but the model is stored in low precision (%s). Take its BF16 or F16"
              + " original, or prune.",
          layer, does, model.layout().config().value(SourceScheme.KEY).orElseThrow());
    }
  }

  private static RouterMode mode(ExpertStep step) {
    return switch (step) {
      case KeepExperts keep -> RouterMode.named(keep.router()).orElseThrow();
      case MergeExperts merge -> RouterMode.SLICE; // each group has one row
    };
  }

  private void add(SparsifyWeights step) {
    requireDecoded(step.layer(), "sets weights to zero");
    ZeroLowering.requireFitting(model, step);
    if (zeros.put(step.layer(), step) != null) {
      throw new PlanMismatchException(
          "plan: layer %d: two steps sparsify its weights", step.layer());
    }
  }

  private void add(QuantizeWeights step) {
    requireDecoded(step.layer(), "quantises weights");
    QuantizeLowering.requireFitting(model, step);
    if (quantized.put(step.layer(), step) != null) {
      throw new PlanMismatchException(
          "plan: layer %d: two steps quantise its weights", step.layer());
    }
    QuantizeWeights first = quantized.values().iterator().next();
    if (step.storage() != first.storage()) {
      throw new PlanMismatchException(
          "plan: layer %d is stored as %s and layer %d as %s (expected the same in each)",
          first.layer(), first.storage().label(), step.layer(), step.storage().label());
    }
  }

  private void add(PruneMultiTokenPrediction step) {
    if (prediction != null) {
      throw new PlanMismatchException("plan: two steps prune multi-token prediction");
    }
    if (model.inventory().multiTokenPrediction().isEmpty()) {
      throw new PlanMismatchException(
          "plan: the model has no tensors for multi-token prediction to prune");
    }
    prediction = step;
  }

  /// The model as its routing will be, with all experts still there.
  ModelLayout layout() {
    return layout;
  }

  /// What becomes of the router rows of dropped experts.
  RouterMode mode() {
    return layers.isEmpty() ? RouterMode.SLICE : mode(first());
  }

  /// The number of experts of every layer with experts in the result, by layer.
  SortedMap<Integer, Integer> expertsLeft() {
    SortedMap<Integer, Integer> left = layout.expertCounts();
    layers.forEach((layer, step) -> left.put(layer, step.left()));
    return left;
  }

  /// The decision about the experts of a layer.
  Optional<ExpertStep> about(int layer) {
    return Optional.ofNullable(layers.get(layer));
  }

  /// The decision about the weights of a layer.
  Optional<SparsifyWeights> aboutWeights(int layer) {
    return Optional.ofNullable(zeros.get(layer));
  }

  /// The decision about the codes of a layer.
  Optional<QuantizeWeights> aboutCodes(int layer) {
    return Optional.ofNullable(quantized.get(layer));
  }

  /// The decisions about codes, of whatever layer.
  List<QuantizeWeights> quantized() {
    return List.copyOf(quantized.values());
  }

  /// The decision that holds in layers for multi-token prediction too; empty when none does.
  Optional<ExpertStep> aboutPrediction() {
    if (prediction == null) {
      return Optional.empty();
    }
    int like = prediction.likeLayer();
    return Optional.of(
        about(like)
            .orElseThrow(() ->
                new PlanMismatchException(
                    "plan: prune-multi-token-prediction: like layer %d, but no step is about the"
                        + " experts of that layer (expected one of %s)",
                    like, layers.keySet())));
  }

  private ExpertStep first() {
    return layers.values().iterator().next();
  }

  private void requireSliceable() {
    if (layers.isEmpty()) {
      return;
    }
    SortedMap<Integer, Integer> counts = expertsLeft();
    GroupRule.requireCounts(layout, counts);
    layers.values().forEach(step -> GroupRule.requireEqual(layout, step));
    counts.forEach((layer, left) -> {
      if (left < layout.topK()) {
        throw new PlanMismatchException(
            "plan: %d experts stay in %s, but every token uses %d (config.json: %s). Keep at"
                + " least %d, or let a token use fewer with \"top-k: fit\".",
            left,
            GroupRule.where(counts, layer),
            layout.topK(),
            layout.architecture().topKKeys(),
            layout.topK());
      }
    });
    requirePredictionLikeLast();
  }

  /// Nothing in a checkpoint says how many experts layers for multi-token prediction have, so they
  /// have as many as the last layer.
  private void requirePredictionLikeLast() {
    int last = expertsLeft().lastEntry().getValue();
    aboutPrediction()
        .filter(step -> step.left() != last)
        .ifPresent(step -> {
          throw new PlanMismatchException(
              "plan: prune-multi-token-prediction: like layer %d, which keeps %d experts (expected"
                  + " as many as the last layer, %d)",
              step.layer(), step.left(), last);
        });
  }

  private void requireMaskable() {
    RoutingChange.requireMode(layout, RouterMode.MASK);
    layers
        .values()
        .forEach(step -> {
          if (step instanceof KeepExperts keep) {
            GroupRule.requireEnough(layout, keep);
          }
        });
  }
}
