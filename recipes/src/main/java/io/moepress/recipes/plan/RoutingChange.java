package io.moepress.recipes.plan;

import io.moepress.formats.architecture.Architecture.Groups;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/// The steps of a plan that change how a token gets its experts, whichever experts stay.
public final class RoutingChange {
  private RoutingChange() {}

  /// The steps that options ask for.
  ///
  /// @param kept experts that stay in each layer
  /// @throws PlanMismatchException when the model cannot be changed so
  public static List<PlanStep> steps(ModelLayout layout, RouterOptions options, int kept) {
    List<PlanStep> steps = new ArrayList<>();
    ExpertGroups groups = layout.groups();
    if (options.groups() == GroupMode.NONE && groups.count() > 1) {
      steps.add(new IgnoreGroups(groups.count(), groups.open()));
      groups = apply(layout, steps).groups();
    }
    int topK = options.topK().topK(layout.topK(), kept, groups);
    if (topK < layout.topK()) {
      steps.add(new LowerTopK(layout.topK(), topK));
    }
    return steps;
  }

  /// The model as steps leave its routing, before any expert is dropped.
  ///
  /// @throws PlanMismatchException when a step does not fit the model
  public static ModelLayout apply(ModelLayout layout, List<? extends PlanStep> steps) {
    ModelLayout changed = layout;
    for (PlanStep step : steps) {
      changed =
          switch (step) {
            case IgnoreGroups ignore -> withoutGroups(changed, ignore);
            case LowerTopK lower -> withTopK(changed, lower);
            case ExpertStep experts -> changed;
            case SparsifyWeights sparsify -> changed;
            case QuantizeWeights quantize -> changed;
            case PruneMultiTokenPrediction prune -> changed;
          };
    }
    return changed;
  }

  /// Makes sure that a model has what a router mode needs.
  ///
  /// @throws PlanMismatchException naming the way out
  public static void requireMode(ModelLayout layout, RouterMode mode) {
    switch (mode) {
      case SLICE -> {}
      case MASK -> {
        if (!layout.has(TensorRole.SELECTION_BIAS)) {
          throw new PlanMismatchException(
              "router: mask: the router of %s has no selection bias to mask experts with. Use"
                  + " \"router: slice\".",
              layout.config().modelType());
        }
      }
    }
  }

  private static ModelLayout withoutGroups(ModelLayout layout, IgnoreGroups step) {
    Groups rule = layout.architecture().router().groups();
    ExpertGroups groups = layout.groups();
    if (rule == null || step.groups() != groups.count() || step.open() != groups.open()) {
      throw new PlanMismatchException(
          "plan: ignore-groups: made for %d of %d groups of experts, but the model has %d of %d",
          step.open(), step.groups(), groups.open(), groups.count());
    }
    if (rule.countKey() == null || rule.openKey() == null) {
      throw new PlanMismatchException(
          "groups: none: the router of %s cannot do without its %d groups (its architecture file"
              + " names no keys for them). Leave the key out.",
          layout.config().modelType(), groups.count());
    }
    return layout.with(layout.config().with(rule.countKey(), 1).with(rule.openKey(), 1));
  }

  private static ModelLayout withTopK(ModelLayout layout, LowerTopK step) {
    if (step.from() != layout.topK()) {
      throw new PlanMismatchException(
          "plan: lower-top-k: made for %d experts per token, but the model uses %d",
          step.from(), layout.topK());
    }
    ModelConfig config = layout.config();
    for (String key : layout.architecture().topKKeys()) {
      if (config.has(key)) {
        config = config.with(key, step.to());
      }
    }
    return layout.with(config);
  }
}
