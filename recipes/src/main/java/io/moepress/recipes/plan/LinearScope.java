package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.LinearInput;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// Which linear maps of the decoder layers a step is about.
public enum LinearScope {
  /// Those of routed experts.
  EXPERTS,
  /// Those of routed experts, shared experts and dense feed-forward networks.
  FEED_FORWARD,
  /// All, attention and routers included.
  ALL_LINEAR;

  /// Whether it includes the weights of a role.
  public boolean includes(TensorRole role) {
    return switch (this) {
      case EXPERTS -> role.isExpert();
      case FEED_FORWARD ->
          role != TensorRole.ROUTER
              && role != TensorRole.SHARED_ROUTER
              && LinearInput.of(role).map(LinearScope::isFeedForward).orElse(false);
      case ALL_LINEAR -> LinearInput.of(role).isPresent();
    };
  }

  private static boolean isFeedForward(LinearInput input) {
    return switch (input) {
      case ATTENTION, QUERY_EXPAND, KEY_VALUE_EXPAND, ATTENTION_OUTPUT -> false;
      case FEED_FORWARD, SHARED_DOWN, DENSE_DOWN, EXPERT, EXPERT_DOWN -> true;
    };
  }

  /// The weights of a layer that it includes, in the order of the model.
  public List<TensorId> in(MoeModel model, int layer) {
    return model.inventory().names().keySet().stream()
        .filter(id -> id.layer() == layer && includes(id.role()))
        .toList();
  }

  /// As in a recipe: `feed-forward`.
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The scope with this label.
  public static Optional<LinearScope> named(String label) {
    return Arrays.stream(values()).filter(scope -> scope.label().equals(label)).findFirst();
  }

  /// All labels.
  public static List<String> labels() {
    return Arrays.stream(values()).map(LinearScope::label).toList();
  }

  /// Makes sure that no map is in two parts of a step.
  static void requireApart(int layer, Stream<TensorRole> maps) {
    List<TensorRole> all = maps.toList();
    Checks.require(
        all.stream().distinct().count() == all.size(),
        "layer %d: weights in two parts of a step: %s",
        layer,
        all);
  }
}
