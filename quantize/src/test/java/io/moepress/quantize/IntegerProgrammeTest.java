package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.moepress.quantize.Presence.Demand;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Branch and bound and the table find the same sums, and so do all choices one by one.
class IntegerProgrammeTest {
  private static final int[] WIDTHS = {1, 2, 3};

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void bothFindTheSmallestSum(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<WidthGroup> groups = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      double[] costs = random.doubles(3, 0, 10).sorted().toArray();
      double[] falling = {costs[2], costs[1], costs[0]};
      groups.add(new WidthGroup(i / 3, new int[] {i}, random.nextInt(1, 4), falling, false));
    }
    boolean[][] open = new boolean[6][3];
    Arrays.stream(open).forEach(options -> Arrays.fill(options, true));
    Presence presence = new Presence(new TreeSet<>(List.of(1, 2)));
    ConvexRelaxation sums = new ConvexRelaxation(groups, WIDTHS);
    long capacity = 2 * sums.least();

    IntegerProgramme programme = new IntegerProgramme(groups, WIDTHS, open, capacity);
    for (Demand demand : presence.demands(groups)) {
      programme.demand(demand);
    }

    int[] branched = programme.solve();
    int[] tabled = new WidthTable(groups, WIDTHS, open, presence).solve(capacity);
    double best = best(groups, presence, sums, capacity);
    assertThat(best).isFinite();
    for (int[] found : List.of(branched, tabled)) {
      assertThat(sums.cost(found)).isCloseTo(best, within(1e-6));
      assertThat(sums.bits(found)).isLessThanOrEqualTo(capacity);
      assertThat(presence.unmet(groups, found)).isEmpty();
    }
  }

  /// Of all 3⁶ choices.
  private static double best(
      List<WidthGroup> groups, Presence presence, ConvexRelaxation sums, long capacity) {
    double best = Double.POSITIVE_INFINITY;
    for (int code = 0; code < 729; code++) {
      int[] options = new int[6];
      int rest = code;
      for (int i = 0; i < 6; i++) {
        options[i] = rest % 3;
        rest /= 3;
      }
      if (sums.bits(options) <= capacity && presence.unmet(groups, options).isEmpty()) {
        best = Math.min(best, sums.cost(options));
      }
    }
    return best;
  }
}
