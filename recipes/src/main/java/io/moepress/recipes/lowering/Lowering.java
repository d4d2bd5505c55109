package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.MultiTokenPrediction;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.GroupRule;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.PlanMismatchException;
import io.moepress.recipes.plan.PlanStep;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// Turns decisions about experts into programs for tensors.
///
/// * Experts that stay are renumbered from 0 in ascending order of their old index.
/// * Tensors with one slice for each expert (the router, its selection bias, stacked experts) are
///   cut with the same list of indices.
/// * Every config key that holds the number of experts gets the new number.
/// * Where the router chooses by groups of experts, each group keeps equally many.
/// * Layers for multi-token prediction are copied with all experts, and dropped without.
/// * Conservation law: each source tensor is used by a program or listed as dropped.
///
/// Only headers are needed, so a plan for a model of any size is lowered in a moment.
public final class Lowering {
  private final MoeModel model;
  private final ModelLayout layout;
  private final Map<Integer, KeepExperts> steps = new LinkedHashMap<>();
  private final List<OutputTensor> tensors = new ArrayList<>();
  private final SortedMap<String, String> dropped = new TreeMap<>();

  private Lowering(MoeModel model, List<? extends PlanStep> steps) {
    this.model = model;
    this.layout = model.layout();
    for (PlanStep step : steps) {
      switch (step) {
        case KeepExperts keep -> add(keep);
      }
    }
  }

  /// Lowers the steps of a plan. No step at all copies everything.
  ///
  /// @throws PlanMismatchException when the steps do not fit the model
  public static LoweredPlan lower(MoeModel model, List<? extends PlanStep> steps) {
    return new Lowering(model, steps).lower();
  }

  private void add(KeepExperts step) {
    int layer = step.layer();
    if (!layout.moeLayers().contains(layer)) {
      throw new PlanMismatchException(
          "plan: layer %d has no experts in this model (expected one of %s)",
          layer, layout.moeLayers());
    }
    if (step.experts() != layout.experts()) {
      throw new PlanMismatchException(
          "plan: layer %d: made for %d experts, but the model has %d",
          layer, step.experts(), layout.experts());
    }
    if (steps.put(layer, step) != null) {
      throw new PlanMismatchException("plan: layer %d: two steps keep experts", layer);
    }
  }

  private LoweredPlan lower() {
    int experts = expertsLeft();
    for (Map.Entry<TensorId, String> tensor : model.inventory().names().entrySet()) {
      lower(tensor.getKey(), tensor.getValue());
    }
    lowerMultiTokenPrediction(experts);
    requireConservation();
    return new LoweredPlan(config(experts), tensors, dropped);
  }

  /// The number of experts of every layer in the result.
  private int expertsLeft() {
    if (steps.isEmpty()) {
      return layout.experts();
    }
    KeepExperts first = steps.values().iterator().next();
    for (int layer : layout.moeLayers()) {
      KeepExperts step = steps.get(layer);
      int left = step == null ? layout.experts() : step.kept().size();
      if (left != first.kept().size()) {
        throw new PlanMismatchException(
            "plan: layer %d keeps %d experts and layer %d keeps %d; config.json holds one number for"
                + " all layers. Keep equally many in each.",
            first.layer(), first.kept().size(), layer, left);
      }
    }
    if (layout.groups().count() > 1) {
      GroupRule.requireCount(layout, first.kept().size());
      steps.values().forEach(step -> GroupRule.requireEqual(layout, step));
    }
    if (first.kept().size() < layout.topK()) {
      throw new PlanMismatchException(
          "plan: %d experts stay in each layer, but every token uses %d (config.json: %s). Keep at"
              + " least %d.",
          first.kept().size(), layout.topK(), layout.architecture().topKKeys(), layout.topK());
    }
    return first.kept().size();
  }

  private void lower(TensorId id, String name) {
    TensorInfo info = model.info(id);
    KeepExperts step = steps.get(id.layer());
    if (step == null) {
      tensors.add(new OutputTensor(info, new Copy(name)));
    } else if (id.expert() != TensorId.NONE) {
      lowerExpert(id, info, step);
    } else if (layout.expertAxis(id.role()) > 0) {
      throw new IllegalStateException("cannot cut " + name + " along another axis than its first");
    } else if (layout.expertAxis(id.role()) == 0) {
      TensorInfo cut =
          new TensorInfo(name, info.dtype(), info.shape().withRows(step.kept().size()));
      tensors.add(new OutputTensor(cut, new Rows(name, step.kept())));
    } else {
      tensors.add(new OutputTensor(info, new Copy(name)));
    }
  }

  private void lowerExpert(TensorId id, TensorInfo info, KeepExperts step) {
    int index = step.kept().indexOf(id.expert());
    if (index < 0) {
      dropped.put(
          info.name(), Checks.text("expert %d of layer %d dropped", id.expert(), id.layer()));
      return;
    }
    String name = layout.name(new TensorId(id.role(), id.layer(), index));
    TensorInfo renamed = new TensorInfo(name, info.dtype(), info.shape());
    tensors.add(new OutputTensor(renamed, new Copy(info.name())));
  }

  /// Layers for multi-token prediction share the number of experts, and no step speaks of them.
  private void lowerMultiTokenPrediction(int experts) {
    for (TensorInfo info : model.checkpoint().tensors().values()) {
      if (!model.inventory().multiTokenPrediction().contains(info.name())) {
        continue;
      }
      if (experts == layout.experts()) {
        tensors.add(new OutputTensor(info, new Copy(info.name())));
      } else {
        dropped.put(
            info.name(),
            Checks.text(
                "multi-token prediction: made for %d experts, the model has %d now",
                layout.experts(), experts));
      }
    }
  }

  private ModelConfig config(int experts) {
    ModelConfig config = layout.config();
    if (experts == layout.experts()) {
      return config;
    }
    for (String key : layout.architecture().countKeys()) {
      if (config.has(key)) {
        config = config.with(key, experts);
      }
    }
    MultiTokenPrediction extra = layout.architecture().multiTokenPrediction();
    if (extra != null && layout.flag("config." + extra.countKey())) {
      config = config.with(extra.countKey(), 0);
    }
    return config;
  }

  private void requireConservation() {
    Set<String> accounted = new HashSet<>(dropped.keySet());
    tensors.forEach(tensor -> accounted.addAll(tensor.program().sources()));
    Set<String> lost = new HashSet<>(model.checkpoint().tensors().keySet());
    lost.removeAll(accounted);
    if (!lost.isEmpty()) {
      throw new IllegalStateException("tensors neither kept nor dropped: " + lost);
    }
  }
}
