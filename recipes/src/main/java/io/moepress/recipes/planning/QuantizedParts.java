package io.moepress.recipes.planning;

import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.recipes.plan.QuantizeOptions;
import io.moepress.recipes.plan.QuantizeWeights.Part;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Which weights of a model are quantised.
///
/// @param model names
/// @param options what the recipe asks for
/// @param schemes those of routed experts
public record QuantizedParts(MoeModel model, QuantizeOptions options, ExpertSchemes schemes) {

  /// With one scheme for all experts, which the options say.
  public QuantizedParts(MoeModel model, QuantizeOptions options) {
    this(model, options, new ExpertSchemes.Same(options.experts()));
  }

  /// Those of a layer, without codes: first of experts, then of other maps.
  public List<Part> of(int layer) {
    Map<TensorRole, List<IntegerScheme>> experts = new EnumMap<>(TensorRole.class);
    Set<TensorRole> others = EnumSet.noneOf(TensorRole.class);
    for (TensorId id : model.inventory().names().keySet()) {
      if (id.layer() == layer && isMap(id.role())) {
        if (id.role().isExpert()) {
          experts.computeIfAbsent(id.role(), _ -> new ArrayList<>()).add(schemes.of(id));
        } else {
          others.add(id.role());
        }
      }
    }
    List<Part> parts = new ArrayList<>();
    byScheme(experts).forEach((each, roles) -> parts.add(new Part(roles, each, List.of())));
    if (!others.isEmpty() && options.others().isPresent()) {
      parts.add(new Part(List.copyOf(others), options.others().get()));
    }
    return parts;
  }

  /// Roles whose experts have the same schemes, by these; one for all where all are equal.
  private static Map<List<IntegerScheme>, List<TensorRole>> byScheme(
      Map<TensorRole, List<IntegerScheme>> experts) {
    Map<List<IntegerScheme>, List<TensorRole>> roles = new LinkedHashMap<>();
    experts.forEach((role, each) -> {
      boolean same = each.stream().distinct().count() == 1;
      roles
          .computeIfAbsent(same ? List.of(each.getFirst()) : each, _ -> new ArrayList<>())
          .add(role);
    });
    return roles;
  }

  /// Whether weights of a role are ever quantised: a router decides too much with too few weights.
  private static boolean isMap(TensorRole role) {
    return role != TensorRole.ROUTER
        && role != TensorRole.SHARED_ROUTER
        && LinearInput.of(role).isPresent();
  }

  /// What a tensor becomes; nothing: it stays as it is.
  public Optional<IntegerScheme> scheme(TensorId id) {
    if (id.layer() == TensorId.NONE || !isMap(id.role())) {
      return Optional.empty();
    }
    return id.role().isExpert() ? Optional.of(schemes.of(id)) : options.others();
  }
}
