package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.prune.BehaviourDistance;
import io.moepress.prune.BehaviourDistance.Coactivation;
import io.moepress.prune.BehaviourDistance.Mixed;
import io.moepress.prune.BehaviourDistance.Router;
import io.moepress.prune.StunPruning;
import io.moepress.prune.StunPruning.Averaging;
import io.moepress.recipes.recipe.YamlNode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Reads the options of STUN from a step of a recipe.
final class StunOptions {
  private static final double WEIGHT = 1;

  private StunOptions() {}

  /// What experts are compared by.
  private enum Distance {
    ROUTER,
    COACTIVATION,
    MIXED;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Optional<Distance> named(String label) {
      return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
    }
  }

  static StunPruning bind(YamlNode step) {
    List<String> labels = Arrays.stream(Distance.values()).map(Distance::label).toList();
    Distance distance =
        step.optional("distance")
            .map(node -> node.choice(labels, Distance::named))
            .orElse(Distance.ROUTER);
    boolean normalise = step.optional("normalise").map(YamlNode::flag).orElse(true);
    Averaging averaging =
        new Averaging(
            step.optional("average-layers-up-to").map(node -> node.atLeast(0)).orElse(0),
            step.optional("average-clusters-up-to").map(node -> node.atLeast(0)).orElse(0));
    double weight = step.optional("mix-weight").map(YamlNode::decimal).orElse(WEIGHT);
    Checks.require(
        distance == Distance.MIXED || weight == WEIGHT,
        "mix-weight: %s (expected only with \"distance: mixed\")",
        weight);
    return new StunPruning(distance(distance, normalise, weight), averaging);
  }

  private static BehaviourDistance distance(Distance distance, boolean normalise, double weight) {
    return switch (distance) {
      case ROUTER -> new Router(normalise);
      case COACTIVATION -> new Coactivation(normalise);
      case MIXED -> new Mixed(new Router(normalise), weight);
    };
  }
}
