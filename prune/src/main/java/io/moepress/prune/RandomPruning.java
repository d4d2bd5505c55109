package io.moepress.prune;

import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.PruneRequest;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/// Baseline: draws lots. What a method is worth shows only beside it.
///
/// Every layer's scores are uniform in [0, 1), drawn from the seed and the layer's index, so a
/// layer's lots do not depend on how many layers there are, nor on another layer's lots.
///
/// @param seed decides the lots; a recipe's own seed unless the step gives one
public record RandomPruning(long seed) implements ScoredPruning {

  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "random",
          "drawn by lot; option `seed`",
          "A baseline that needs no texts: what a method is worth shows only beside it.",
          "baseline",
          "",
          List.of(
              new Option("seed", "a whole number", "decides the lots", "the seed of the recipe")),
          "- prune: {method: random, keep: 50%, seed: 7}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs() {
    return Set.of();
  }

  @Override
  public double[] scores(int layer, Evidence.Layer evidence, PruneRequest request) {
    // Generators whose seeds differ by little are unrelated, unless they differ by a multiple of
    // the
    // golden ratio's 64 bits: those draw the same numbers, shifted.
    long ofSeed = new SplittableRandom(seed).nextLong();
    SplittableRandom random = new SplittableRandom(ofSeed + layer);
    return random.doubles(evidence.experts()).toArray();
  }
}
