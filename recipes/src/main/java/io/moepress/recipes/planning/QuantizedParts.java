package io.moepress.recipes.planning;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Which weights of a model are quantised.
///
/// @param model names
/// @param options what the recipe asks for
public record QuantizedParts(MoeModel model, QuantizeOptions options) {

  /// Those of a layer, without codes: first of experts, then of other maps.
  public List<Part> of(int layer) {
    Set<TensorRole> experts = EnumSet.noneOf(TensorRole.class);
    Set<TensorRole> others = EnumSet.noneOf(TensorRole.class);
    for (TensorId id : model.inventory().names().keySet()) {
      if (id.layer() == layer && isMap(id.role())) {
        (id.role().isExpert() ? experts : others).add(id.role());
      }
    }
    List<Part> parts = new ArrayList<>();
    if (!experts.isEmpty()) {
      parts.add(new Part(List.copyOf(experts), options.experts()));
    }
    if (!others.isEmpty() && options.others().isPresent()) {
      parts.add(new Part(List.copyOf(others), options.others().get()));
    }
    return parts;
  }

  /// Whether weights of a role are ever quantised: a router decides too much with too few weights.
  private static boolean isMap(TensorRole role) {
    return role != TensorRole.ROUTER
        && role != TensorRole.SHARED_ROUTER
        && LinearInput.of(role).isPresent();
  }

  /// What a tensor becomes; nothing: it stays as it is.
  Optional<IntegerScheme> scheme(TensorId id) {
    if (id.layer() == TensorId.NONE || !isMap(id.role())) {
      return Optional.empty();
    }
    return id.role().isExpert() ? Optional.of(options.experts()) : options.others();
  }
}
