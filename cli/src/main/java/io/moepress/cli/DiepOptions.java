package io.moepress.cli;

import io.moepress.prune.DiepPruning;
import io.moepress.prune.DiepScore;
import io.moepress.recipes.evidence.DistanceKind;
import io.moepress.recipes.evidence.LearningRequest;
import io.moepress.recipes.evidence.OptimiserKind;
import io.moepress.recipes.evidence.Relaxation;
import io.moepress.recipes.recipe.YamlNode;
import java.nio.file.Path;

/// Reads the options of DiEP from a step of a recipe.
final class DiepOptions {
  private static final double LAMBDA = 0.01;
  private static final double RATE = 0.1;
  private static final int EPOCHS = 10;
  private static final int BATCH = 16;

  private DiepOptions() {}

  static DiepPruning bind(YamlNode step, long seed) {
    LearningRequest learning =
        new LearningRequest(
            step.optional("relaxation")
                .map(node -> node.choice(Relaxation.labels(), Relaxation::named))
                .orElse(Relaxation.DENSE),
            step.optional("distance")
                .map(node -> node.choice(DistanceKind.labels(), DistanceKind::named))
                .orElse(DistanceKind.HIDDEN),
            step.optional("lambda").map(YamlNode::decimal).orElse(LAMBDA),
            step.optional("optimiser")
                .map(node -> node.choice(OptimiserKind.labels(), OptimiserKind::named))
                .orElse(OptimiserKind.ADAM),
            step.optional("rate").map(YamlNode::decimal).orElse(RATE),
            step.optional("epochs").map(node -> node.atLeast(1)).orElse(EPOCHS),
            step.optional("batch").map(node -> node.atLeast(1)).orElse(BATCH),
            step.optional("seed").map(YamlNode::integer).orElse(seed));
    return new DiepPruning(
        learning,
        step.optional("score")
            .map(node -> node.choice(DiepScore.labels(), DiepScore::named))
            .orElse(DiepScore.SIGN_SAFE),
        step.optional("learned").map(node -> node.parsed("a path", Path::of)),
        null);
  }
}
