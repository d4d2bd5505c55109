package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.recipes.plan.BitAllocation;
import io.moepress.recipes.plan.BitBudget;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitCosts.Item;
import io.moepress.recipes.plan.BitGranularity;
import io.moepress.recipes.plan.BitLimits;
import io.moepress.recipes.plan.BitScope;
import io.moepress.recipes.plan.ExpertId;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class BitProgrammeTest {
  private static final List<Integer> TO_THREE = List.of(1, 2, 3);

  // It is as good as can be.

  /// Costs as PMQ has them: going from 2 bits to 3 saves more than going from 1 to 2.
  @ParameterizedTest
  @CsvSource({"8, 12", "8, 16", "8, 20", "8, 11", "8, 24", "16, 24", "32, 64", "64, 100", "3, 6"})
  void theSumIsTheSmallestWhereCostsAreNotConvex(int experts, int bits) {
    for (long seed = 0; seed < 20; seed++) {
      List<Item> items = rough(seed, experts);

      BitAllocation found =
          solve(costs(TO_THREE, items, 2, 3), average(bits, experts), BitGranularity.EXPERT);

      double expected = Oracle.best(items, TO_THREE, bits, List.of(2, 3));
      assertThat(found.objective())
          .as("seed %d", seed)
          .isCloseTo(expected, within(1e-9 * expected));
      assertThat(found.codeBits()).isLessThanOrEqualTo(bits);
      assertThat(widths(found)).contains(2, 3);
    }
  }

  /// Where costs are convex and widths consecutive, taking the best step until bits run out is
  /// exact: the choice is at the bound that no choice can pass.
  @ParameterizedTest
  @ValueSource(ints = {20, 31, 47, 55, 80})
  void convexCostsNeedNoProgramme(int bits) {
    List<Integer> widths = List.of(1, 2, 3, 4);
    for (long seed = 0; seed < 20; seed++) {
      List<Item> items = convex(seed, 20, widths);

      BitAllocation found = solve(costs(widths, items), average(bits, 20), BitGranularity.MATRIX);

      double expected = Oracle.best(items, widths, bits, List.of());
      assertThat(found.objective()).isCloseTo(expected, within(1e-12 * expected));
      assertThat(found.bound()).isEqualTo(found.objective());
      assertThat(found.bitsLost()).isCloseTo(0, within(1e-9));
    }
  }

  /// With gaps between the widths the best step may not fit any more, and another choice be better.
  @ParameterizedTest
  @ValueSource(ints = {41, 50, 73, 110})
  void widthsWithGapsAreChosenExactly(int bits) {
    List<Integer> widths = List.of(2, 3, 4, 8);
    for (long seed = 0; seed < 20; seed++) {
      List<Item> items = convex(seed, 20, widths);

      BitAllocation found = solve(costs(widths, items), average(bits, 20), BitGranularity.MATRIX);

      double expected = Oracle.best(items, widths, bits, List.of());
      assertThat(found.objective()).isCloseTo(expected, within(1e-9 * expected));
      assertThat(found.bound()).isLessThanOrEqualTo(found.objective());
    }
  }

  @Test
  void itemsOfDifferentSizesShareABudgetByTheirWeights() {
    for (long seed = 0; seed < 20; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<Item> items = new ArrayList<>();
      for (Item item : rough(seed, 12)) {
        items.add(new Item(0, item.expert(), null, random.nextInt(1, 6), item.costs()));
      }
      long weights = items.stream().mapToLong(Item::weights).sum();
      int bits = Math.toIntExact(2 * weights);

      BitAllocation found =
          solve(costs(TO_THREE, items), new BitBudget.Average(2), BitGranularity.EXPERT);

      double expected = Oracle.best(items, TO_THREE, bits, List.of());
      assertThat(found.objective()).isCloseTo(expected, within(1e-9 * expected));
      assertThat(found.codeBits()).isLessThanOrEqualTo(bits);
    }
  }

  /// As many experts as the largest models have in a layer, and as many layers.
  @Test
  void thousandsOfExpertsAreChosenForExactly() {
    List<Item> items = rough(1, 256);
    BitAllocation layer =
        solve(costs(TO_THREE, items, 2, 3), average(512, 256), BitGranularity.EXPERT);
    List<Item> all = new ArrayList<>();
    for (int i = 0; i < 48; i++) {
      for (Item item : rough(i, 128)) {
        all.add(new Item(i, item.expert(), null, item.weights(), item.costs()));
      }
    }
    BitAllocation model =
        BitProgramme.solve(
            costs(TO_THREE, all, 2, 3),
            limits(average(12287, 6144), BitScope.MODEL, BitGranularity.EXPERT));

    double expected = Oracle.best(items, TO_THREE, 512, List.of(2, 3));
    assertThat(layer.objective()).isCloseTo(expected, within(1e-9 * expected));
    assertThat(model.codeBits()).isLessThanOrEqualTo(12287);
    assertThat(model.objective()).isCloseTo(model.bound(), within(2e-3 * model.bound()));
  }

  // Budgets.

  @Test
  void layersKeepTheirOwnBitsUnlessTheyMayTakeFromEachOther() {
    List<Item> items = new ArrayList<>();
    for (Item item : convex(3, 6, TO_THREE)) {
      items.add(item);
      List<Double> dearer = item.costs().stream().map(cost -> 1e9 * cost).toList();
      items.add(new Item(1, item.expert(), null, 1, dearer));
    }
    BitCosts costs = costs(TO_THREE, items);

    BitAllocation layers =
        BitProgramme.solve(costs, limits(average(24, 12), BitScope.LAYER, BitGranularity.EXPERT));
    BitAllocation model =
        BitProgramme.solve(costs, limits(average(24, 12), BitScope.MODEL, BitGranularity.EXPERT));

    assertThat(sum(layers.byLayer().get(0))).isEqualTo(12);
    assertThat(sum(layers.byLayer().get(1))).isEqualTo(12);
    assertThat(sum(model.byLayer().get(0))).isEqualTo(6);
    assertThat(sum(model.byLayer().get(1))).isEqualTo(18);
    assertThat(model.objective()).isLessThan(layers.objective());
  }

  @Test
  void bytesCountWhatComesWithTheCodes() {
    List<Item> items = new ArrayList<>();
    for (Item item : convex(1, 8, TO_THREE)) {
      items.add(new Item(0, item.expert(), null, 1024, item.costs()));
    }
    long bytes = 8 * 1024 * 17 / 8 / 8; // 2.125 bits each

    BitAllocation found =
        solve(costs(TO_THREE, items), new BitBudget.Bytes(bytes, 0.125), BitGranularity.EXPERT);

    assertThat(found.averageBits()).isEqualTo(2);
    assertThat(found.weights()).isEqualTo(8 * 1024);
    assertThat(found.weightsByWidth().values().stream().mapToLong(Long::longValue).sum())
        .isEqualTo(found.weights());
  }

  @Test
  void asManyBitsAsThereAreGiveEveryoneTheMost() {
    List<Item> items = convex(1, 8, TO_THREE);

    BitAllocation found =
        solve(costs(TO_THREE, items), new BitBudget.Average(16), BitGranularity.EXPERT);

    assertThat(widths(found)).containsOnly(3);
  }

  @Test
  void tooFewBitsAreAnErrorThatSaysHowManyAreNeeded() {
    List<Item> items = rough(1, 8);

    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> solve(costs(TO_THREE, items, 2, 3), average(10, 8), BitGranularity.EXPERT))
        .withMessage(
            "layer 0: 1.25 bits are 1.250 bits for each weight (expected at least 1.375, with"
                + " widths of [1, 2, 3], present [2, 3]). Give more bits, or allow smaller"
                + " widths.");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> solve(costs(List.of(2, 3, 4), items), average(15, 8), BitGranularity.EXPERT))
        .withMessageContaining("1.875 bits for each weight (expected at least 2.000");
    assertThatIllegalArgumentException()
        .isThrownBy(() ->
            solve(costs(TO_THREE, items.subList(0, 1), 2, 3), average(3, 1), BitGranularity.EXPERT))
        .withMessageContaining(
            "layer 0: fewer experts than widths that have to be present, [2, 3]");
  }

  // Guarded experts.

  @Test
  void aGuardedExpertKeepsTheMostBitsAtTheCostOfOthers() {
    List<Item> items = convex(5, 8, TO_THREE);
    int least = least(items);
    BitLimits limits =
        new BitLimits(
            average(16, 8),
            BitScope.LAYER,
            BitGranularity.EXPERT,
            new TreeSet<>(Set.of(new ExpertId(0, least))));

    BitAllocation found = BitProgramme.solve(costs(TO_THREE, items), limits);

    assertThat(widths(found).get(least)).isEqualTo(3);
    assertThat(found.codeBits()).isEqualTo(16);
    assertThat(found.objective()).isGreaterThan(found.bound());
    assertThat(
            widths(BitProgramme.solve(costs(TO_THREE, items), limits.with(BitGranularity.EXPERT))))
        .isEqualTo(widths(found));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> BitProgramme.solve(costs(TO_THREE, items), limits.with(BitGranularity.LAYER)))
        .withMessageContaining(
            "(expected at least 3.000, with widths of [1, 2, 3], guarded at the"
                + " largest 1 of 1)");
  }

  @Test
  void anUnknownGuardedExpertIsAnError() {
    BitLimits limits =
        new BitLimits(
            average(16, 8),
            BitScope.LAYER,
            BitGranularity.EXPERT,
            new TreeSet<>(Set.of(new ExpertId(0, 8))));

    assertThatIllegalArgumentException()
        .isThrownBy(() -> BitProgramme.solve(costs(TO_THREE, rough(1, 8)), limits))
        .withMessageContaining("expert 0:8");
  }

  // What shares a width.

  @ParameterizedTest
  @EnumSource
  void whatSharesAWidthHasOne(BitGranularity granularity) {
    BitCosts costs = matrices(7);
    BitLimits limits = limits(average(2 * 36 + 5, 36), BitScope.MODEL, granularity);

    BitAllocation found = BitProgramme.solve(costs, limits);

    assertThat(found.averageBits()).isLessThanOrEqualTo(2 + 5.0 / 36);
    found
        .byExpert()
        .forEach((id, bits) -> {
          boolean together =
              granularity != BitGranularity.MATRIX && granularity != BitGranularity.PROJECTION;
          assertThat(bits).hasSize(3);
          if (together) {
            assertThat(bits.values()).containsOnly(bits.get(Projection.UP));
          }
          if (!granularity.tellsExpertsApart()) {
            assertThat(bits).isEqualTo(found.byExpert().get(new ExpertId(id.layer(), 0)));
          }
          if (granularity == BitGranularity.MODEL) {
            assertThat(bits).isEqualTo(found.byExpert().get(new ExpertId(0, 0)));
          }
        });
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void theMoreIsSharedTheMoreIsLost(long seed) {
    BitCosts costs = matrices(seed);
    double before = 0;
    for (BitGranularity granularity :
        List.of(
            BitGranularity.MATRIX,
            BitGranularity.EXPERT,
            BitGranularity.LAYER,
            BitGranularity.MODEL)) {
      BitAllocation found =
          BitProgramme.solve(costs, limits(average(72, 36), BitScope.MODEL, granularity));

      assertThat(found.objective()).isGreaterThanOrEqualTo(before);
      assertThat(found.bound()).isLessThanOrEqualTo(found.objective());
      assertThat(found.bitsLost()).isNotNegative();
      before = found.objective();
    }
    BitAllocation one =
        BitProgramme.solve(costs, limits(average(72, 36), BitScope.MODEL, BitGranularity.MODEL));
    assertThat(widths(one)).containsOnly(2);
    assertThat(one.bitsLost()).isPositive();
  }

  /// Two items, 2 bits each or 1 and 3: the second choice costs as much at 1.5 bits on average.
  @Test
  void lostBitsAreThoseThatAFreeChoiceWouldNotNeed() {
    List<Item> items =
        List.of(
            new Item(0, 0, null, 1, List.of(0.0, 0.0, 0.0)),
            new Item(0, 1, null, 1, List.of(9.0, 4.0, 1.0)));

    BitAllocation shared = solve(costs(TO_THREE, items), average(4, 2), BitGranularity.LAYER);
    BitAllocation free = solve(costs(TO_THREE, items), average(4, 2), BitGranularity.EXPERT);

    assertThat(widths(shared)).containsExactly(2, 2);
    assertThat(shared.bitsLost()).isCloseTo(0.5, within(1e-12));
    assertThat(shared.bound()).isEqualTo(1);
    assertThat(widths(free)).containsExactly(1, 3);
    assertThat(free.bitsLost()).isZero();
  }

  // Equal inputs, equal bits.

  @Test
  void ofEqualExpertsTheLaterGetMoreBits() {
    List<Item> items = new ArrayList<>();
    for (int expert = 0; expert < 8; expert++) {
      items.add(new Item(0, expert, null, 1, List.of(5.0, 4.0, 1.0)));
    }

    BitAllocation found =
        solve(costs(TO_THREE, items, 2, 3), average(16, 8), BitGranularity.EXPERT);

    assertThat(widths(found)).containsExactly(1, 1, 1, 2, 2, 3, 3, 3);
  }

  @Test
  void bitsThatDoNothingAreNotSpent() {
    List<Item> items = new ArrayList<>(rough(2, 6));
    items.add(new Item(0, 6, null, 1, List.of(0.0, 0.0, 0.0)));
    items.add(new Item(0, 7, null, 1, List.of(2.0, 2.0, 2.0)));

    BitAllocation found = solve(costs(TO_THREE, items), average(24, 8), BitGranularity.EXPERT);

    assertThat(widths(found)).containsExactly(3, 3, 3, 3, 3, 3, 1, 1);
  }

  @Test
  void theSameIsFoundAgain() {
    BitCosts costs = costs(TO_THREE, rough(9, 64), 2, 3);
    List<Integer> first = widths(solve(costs, average(111, 64), BitGranularity.EXPERT));

    for (int again = 0; again < 3; again++) {
      assertThat(widths(solve(costs, average(111, 64), BitGranularity.EXPERT))).isEqualTo(first);
    }
  }

  // Helpers.

  private static BitAllocation solve(BitCosts costs, BitBudget budget, BitGranularity granularity) {
    return BitProgramme.solve(costs, limits(budget, BitScope.LAYER, granularity));
  }

  private static BitLimits limits(BitBudget budget, BitScope scope, BitGranularity granularity) {
    return new BitLimits(budget, scope, granularity, new TreeSet<>());
  }

  private static BitBudget average(int bits, int items) {
    return new BitBudget.Average((double) bits / items);
  }

  private static BitCosts costs(List<Integer> widths, List<Item> items, Integer... present) {
    return new BitCosts(widths, items, new TreeSet<>(List.of(present)), List.of());
  }

  private static List<Integer> widths(BitAllocation allocation) {
    return allocation.choices().stream().map(BitAllocation.Choice::bits).toList();
  }

  private static int sum(List<Integer> bits) {
    return bits.stream().mapToInt(Integer::intValue).sum();
  }

  private static int least(List<Item> items) {
    int least = 0;
    for (int i = 0; i < items.size(); i++) {
      least = items.get(i).costs().getFirst() < items.get(least).costs().getFirst() ? i : least;
    }
    return least;
  }

  /// Costs as MC-MoE publishes them: `ε_1 / ε_2` about 1.18, `ε_2 / ε_3` about 2.48.
  private static List<Item> rough(long seed, int experts) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Item> items = new ArrayList<>();
    for (int expert = 0; expert < experts; expert++) {
      double three = Math.exp(1.5 * random.nextGaussian());
      double two = three * (2.48 + 0.1 * random.nextGaussian());
      double one = two * (1.18 + 0.1 * random.nextGaussian());
      items.add(new Item(0, expert, null, 1, List.of(one, two, three)));
    }
    return items;
  }

  private static List<Item> convex(long seed, int experts, List<Integer> widths) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Item> items = new ArrayList<>();
    for (int expert = 0; expert < experts; expert++) {
      double scale = Math.exp(2 * random.nextGaussian());
      items.add(
          new Item(
              0,
              expert,
              null,
              1,
              widths.stream().map(bits -> scale * Math.pow(4, -bits)).toList()));
    }
    return items;
  }

  /// Three layers of four experts of three matrices.
  private static BitCosts matrices(long seed) {
    List<Item> items = new ArrayList<>();
    List<Item> costs = convex(seed, 36, TO_THREE);
    for (int layer = 0; layer < 3; layer++) {
      for (int expert = 0; expert < 4; expert++) {
        for (Projection projection : Projection.values()) {
          items.add(new Item(layer, expert, projection, 1, costs.get(items.size()).costs()));
        }
      }
    }
    return costs(TO_THREE, items);
  }
}
