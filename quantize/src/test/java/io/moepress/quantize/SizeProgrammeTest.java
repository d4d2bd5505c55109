package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.moepress.quantize.SizeProgramme.Thing;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SizeProgrammeTest {
  private static final List<List<Integer>> SIZES =
      List.of(List.of(84, 110, 144, 176, 210, 272), List.of(144, 176, 192, 272), List.of(272));

  /// Things with other options each, and costs in no order.
  private static List<Thing> things(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Thing> things = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      List<Integer> sizes = SIZES.get(random.nextInt(SIZES.size()));
      things.add(
          new Thing(
              1 + random.nextInt(4),
              sizes,
              sizes.stream().map(size -> random.nextDouble(1000) / size).toList()));
    }
    return things;
  }

  /// All choices are tried.
  private static double best(List<Thing> things, int from, long capacity) {
    if (capacity < 0) {
      return Double.POSITIVE_INFINITY;
    }
    if (from == things.size()) {
      return 0;
    }
    Thing thing = things.get(from);
    double best = Double.POSITIVE_INFINITY;
    for (int option = 0; option < thing.sizes().size(); option++) {
      long left = capacity - thing.units() * thing.sizes().get(option);
      best = Math.min(best, thing.costs().get(option) + best(things, from + 1, left));
    }
    return best;
  }

  private static long least(List<Thing> things) {
    return things.stream().mapToLong(thing -> thing.units() * thing.sizes().getFirst()).sum();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void noOtherChoiceIsBetter(long seed) {
    List<Thing> things = things(seed);
    for (long more : new long[] {0, 30, 100, 333, 1000, 5000}) {
      long capacity = least(things) + more;

      List<Integer> options = SizeProgramme.best(things, capacity);

      double cost = 0;
      long size = 0;
      for (int i = 0; i < options.size(); i++) {
        cost += things.get(i).costs().get(options.get(i));
        size += things.get(i).units() * things.get(i).sizes().get(options.get(i));
      }
      double expected = best(things, 0, capacity);
      assertThat(cost).as("%d more", more).isCloseTo(expected, within(1e-9 * expected));
      assertThat(size).isLessThanOrEqualTo(capacity);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    List<Thing> things = things(1);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> SizeProgramme.best(things, least(things) - 1))
        .withMessageContaining("expected at least " + least(things));
  }
}
