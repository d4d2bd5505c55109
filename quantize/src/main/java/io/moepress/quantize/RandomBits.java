package io.moepress.quantize;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/// Baseline: all matrices cost alike, up to a lot, so that none gets more than a neighbouring width
/// before all have it. With a whole number of bits for each weight all get that number; of 2.5 bits
/// one half gets 2 and the other 3. What a method is worth shows only beside it.
///
/// @param seed decides the lots; a recipe's own seed unless the step gives one
public record RandomBits(long seed) implements BitMethod {
  /// What there is to say about it.
  public static final MethodDescription DESCRIPTION =
      new MethodDescription(
          "random-bits",
          "`u · 4^(−b)`, with `u` from 1 to 2 drawn by lot for each matrix",
          "A baseline that needs no texts: as even as a budget allows. What a method is worth shows"
              + " only beside it.",
          "baseline",
          "",
          List.of(
              new Option("seed", "a whole number", "decides the lots", "the seed of the recipe")),
          "- quantize: {method: round-to-nearest, allocate: random-bits, bits: 2.5}");

  @Override
  public String name() {
    return DESCRIPTION.name();
  }

  @Override
  public Set<Statistic> needs(List<Integer> widths) {
    return Set.of();
  }

  @Override
  public List<Integer> defaultWidths() {
    return List.of(2, 3, 4);
  }

  @Override
  public BitScope defaultScope() {
    return BitScope.LAYER;
  }

  @Override
  public BitCosts costs(BitRequest request) {
    ModelLayout layout = request.model().layout();
    SplittableRandom random = new SplittableRandom(seed);
    List<Item> items = new ArrayList<>();
    layout
        .expertCounts()
        .forEach((layer, count) -> {
          for (int expert = 0; expert < count; expert++) {
            for (ExpertTensor tensor : ExpertTensor.of(layout)) {
              double lot = random.nextDouble(1, 2);
              List<Double> costs =
                  request.widths().stream().map(bits -> lot * Math.pow(4, -bits)).toList();
              items.add(
                  new Item(layer, expert, tensor.matrix().projection(), tensor.weights(), costs));
            }
          }
        });
    return new BitCosts(request.widths(), items, new TreeSet<>(), List.of());
  }

  @Override
  public BitAllocation allocate(BitCosts costs, BitLimits limits) {
    return BitProgramme.solve(costs, limits);
  }
}
