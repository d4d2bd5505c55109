package io.moepress.recipes.planning;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.Router;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.GroupRule;
import io.moepress.recipes.plan.IgnoreGroups;
import io.moepress.recipes.plan.LowerTopK;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import io.moepress.recipes.plan.PredictionMode;
import io.moepress.recipes.plan.PruneMultiTokenPrediction;
import io.moepress.recipes.plan.QuantizeWeights;
import io.moepress.recipes.plan.RouterMode;
import io.moepress.recipes.plan.RouterOptions;
import io.moepress.recipes.plan.RoutingChange;
import io.moepress.recipes.plan.SparsifyWeights;
import io.moepress.recipes.recipe.PruneStep;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;

/// What a recipe asks of a model's routing, settled before any method is asked which experts stay.
///
/// @param model the model
/// @param options what the recipe asks
/// @param steps the changes that come of it
/// @param layout the model as they leave it, with all experts still there
record RoutingPlan(
    MoeModel model, RouterOptions options, List<PlanStep> steps, ModelLayout layout) {

  /// Settles the routing of a pruning step.
  ///
  /// @param counts number of experts that stay, by layer
  /// @throws PlanMismatchException when the model cannot be routed so
  static RoutingPlan of(MoeModel model, PruneStep step, SortedMap<Integer, Integer> counts) {
    return of(model, step.router(), counts);
  }

  /// Settles the routing of a step that leaves fewer experts.
  ///
  /// @param counts number of experts that are left, by layer
  /// @throws PlanMismatchException when the model cannot be routed so
  static RoutingPlan of(MoeModel model, RouterOptions options, SortedMap<Integer, Integer> counts) {
    RoutingChange.requireMode(model.layout(), options.mode());
    int fewest = counts.isEmpty() ? model.layout().experts() : Collections.min(counts.values());
    List<PlanStep> steps = RoutingChange.steps(model.layout(), options, fewest);
    return new RoutingPlan(model, options, steps, RoutingChange.apply(model.layout(), steps));
  }

  /// Makes sure that a token finds as many experts as it uses.
  ///
  /// @param counts number of experts that stay, by layer
  /// @throws PlanMismatchException naming the way out
  void requireReachable(SortedMap<Integer, Integer> counts) {
    int topK = layout.topK();
    GroupRule.requireCounts(layout, counts);
    counts.forEach((layer, kept) -> {
      if (kept < topK) {
        throw new PlanMismatchException(
            "%d of %d experts would stay in %s, but every token uses %d (config.json: %s)."
                + " Keep at least %d, or let a token use fewer with \"top-k: fit\".",
            kept,
            layout.experts(layer),
            GroupRule.where(counts, layer),
            topK,
            String.join(", ", layout.architecture().topKKeys()),
            topK);
      }
    });
  }

  /// All steps of the plan: the changes of routing, what the method decided, and what follows.
  List<PlanStep> with(List<? extends ExpertStep> decisions) {
    List<PlanStep> all = new ArrayList<>(steps);
    all.addAll(decisions);
    if (prunesPrediction() && !decisions.isEmpty()) {
      all.add(new PruneMultiTokenPrediction(decisions.getLast().layer()));
    }
    return all;
  }

  private boolean prunesPrediction() {
    return options.prediction() == PredictionMode.PRUNE
        && !model.inventory().multiTokenPrediction().isEmpty();
  }

  /// What a reader of the plan should know.
  List<String> notes() {
    List<String> notes = new ArrayList<>();
    for (PlanStep step : steps) {
      switch (step) {
        case IgnoreGroups ignore ->
            notes.add(
                Checks.text(
                    "change of function: the router ignores its %d groups of experts, of which a"
                        + " token chose from %d",
                    ignore.groups(), ignore.open()));
        case LowerTopK lower ->
            notes.add(
                Checks.text(
                    "change of function: every token uses %d experts, %d before",
                    lower.to(), lower.from()));
        case ExpertStep experts -> {}
        case SparsifyWeights sparsify -> {}
        case QuantizeWeights quantize -> {}
        case PruneMultiTokenPrediction prune -> {}
      }
    }
    switch (options.mode()) {
      case SLICE -> {
        if (dependsOnAll()) {
          notes.add(
              "the router does not renormalise: without the dropped experts' rows the weights of those"
                  + " that stay grow");
        }
      }
      case MASK -> {
        notes.add(
            "dropped experts stay on disk and in memory; the selection bias keeps the router from"
                + " choosing them");
        if (dependsOnAll()) {
          notes.add(
              "the router does not renormalise: dropped experts keep their part of the softmax, so the"
                  + " weights of those that stay are what they were");
        }
      }
    }
    if (prunesPrediction()) {
      notes.add(
          Checks.text(
              "layers for multi-token prediction keep the experts of layer %d: calibration does not"
                  + " reach them",
              layout.moeLayers().getLast()));
    }
    return notes;
  }

  /// Whether weights depend on who else is there: where a softmax over all experts is not divided
  /// by the sum of the chosen, it is divided by the sum of all.
  private boolean dependsOnAll() {
    Router router = layout.architecture().router();
    return switch (router.score()) {
      case SOFTMAX -> !layout.flag(router.renormalise());
      case SIGMOID, SOFTMAX_OF_CHOSEN -> false;
    };
  }

  /// What becomes of the router rows of dropped experts.
  RouterMode mode() {
    return options.mode();
  }
}
