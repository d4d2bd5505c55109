package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertCounts;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.PlanMismatchException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// What becomes of the layers for multi-token prediction.
///
/// They share the number of experts with the main model. Where all experts stay they are copied;
/// where some go they are dropped, or pruned like a layer of the main model: their MoE block has
/// the tensors of any layer with experts, and whatever else they have knows nothing of experts.
final class PredictionLowering {
  private final MoeModel model;
  private final ModelLayout layout;
  private final Result result;

  PredictionLowering(MoeModel model, Result result) {
    this.model = model;
    this.layout = model.layout();
    this.result = result;
  }

  /// Copies them as they are.
  void copy() {
    names().forEach(name -> result.copy(info(name)));
  }

  /// Drops them.
  ///
  /// @param experts experts that are left, by layer
  void drop(SortedMap<Integer, Integer> experts) {
    String reason =
        Checks.text(
            "multi-token prediction: made for %s experts, the model has %s now",
            ExpertCounts.text(layout.distinctExperts()), ExpertCounts.text(experts.values()));
    names().forEach(name -> result.drop(name, reason));
  }

  /// Prunes them as the main model is pruned.
  void prune(ExpertStep step) {
    LayerLowering lowering = new LayerLowering(layout, result);
    Map<String, TensorId> known = new TreeMap<>();
    layers().forEach(layer -> known.putAll(block(layer)));
    for (String name : names()) {
      TensorId id = known.get(name);
      if (id == null) {
        result.copy(info(name));
      } else {
        lowering.lower(id, info(name), step);
      }
    }
  }

  private Set<String> names() {
    return model.inventory().multiTokenPrediction();
  }

  private Set<Integer> layers() {
    Set<Integer> layers = new TreeSet<>();
    names().forEach(name -> layout.predictionLayer(name).ifPresent(layers::add));
    return layers;
  }

  /// The tensors of a layer's MoE block that depend on the number of experts, by name as they are
  /// stored; none where the layer has no experts.
  private Map<String, TensorId> block(int layer) {
    Map<String, TensorId> block = new LinkedHashMap<>();
    for (TensorId id : layout.sparseTensors(layer)) {
      if (id.role().isExpert() || layout.expertAxis(id.role()) >= 0) {
        block.put(layout.name(id), id);
      }
    }
    Map<String, TensorInfo> tensors = model.inventory().stored().tensors();
    if (block.keySet().stream().noneMatch(tensors::containsKey)) {
      return Map.of();
    }
    Map<String, TensorId> parts = new LinkedHashMap<>();
    block.forEach((name, id) -> {
      requireWhole(tensors.get(name), name, id);
      model.inventory().stored().parts(name).forEach(part -> parts.put(part.name(), id));
    });
    return parts;
  }

  private void requireWhole(@Nullable TensorInfo found, String name, TensorId id) {
    boolean whole = found != null && found.shape().equals(layout.shape(id));
    if (!whole) {
      throw new PlanMismatchException(
          "%s: multi-token prediction: tensor %s is missing or not %s, so its experts cannot be"
              + " pruned. Use \"multi-token-prediction: drop\".",
          model.checkpoint().name(), name, layout.shape(id));
    }
  }

  private TensorInfo info(String name) {
    TensorInfo info = model.checkpoint().tensors().get(name);
    if (info == null) {
      throw new IllegalArgumentException("no tensor " + name);
    }
    return info;
  }
}
