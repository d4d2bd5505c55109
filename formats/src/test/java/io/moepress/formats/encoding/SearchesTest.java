package io.moepress.formats.encoding;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Side by side or one at a time: a search finds the same.
class SearchesTest {
  private static final int[] AWKWARD_COUNTS = {1, 7, 8, 9, 31, 64, 255, 256};

  @ParameterizedTest
  @CsvSource({
    "16, 3, -0.5, 0.1, 15, true",
    "32, 15, -1, 0.1, 20, false",
    "32, 31, -0.5, 0.1, 15, false",
    "16, 3, -0.9, 0.05, 36, false",
  })
  void offsetsAreFoundAsOneAtATime(
      int length, int highest, float first, float step, int steps, boolean absolute) {
    var tries = new OffsetSearch.Tries(highest, first, step, steps, absolute);
    var search = new OffsetSearch(length, tries);
    var random = new SplittableRandom(highest);
    for (int count : AWKWARD_COUNTS) {
      float[][][] runs = fill(search.blocks(), random, count, length);
      search.run();
      for (int k = 0; k < count; k++) {
        int[] codes = new int[length];
        search.codes(k, codes, 0);
        assertThat(new ScalarSearches.Found(search.scale(k), search.offset(k), codes))
            .as("run %d of %d", k, count)
            .usingRecursiveComparison()
            .isEqualTo(ScalarSearches.offset(runs[k][0], runs[k][1], tries));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"16, 4", "16, 32", "32, 8", "32, 16"})
  void signedScalesAreFoundAsOneAtATime(int length, int highest) {
    var search = new SignedSearch(length, highest);
    var random = new SplittableRandom(highest);
    for (int count : AWKWARD_COUNTS) {
      float[][][] runs = fill(search.blocks(), random, count, length);
      search.run();
      for (int k = 0; k < count; k++) {
        int[] codes = new int[length];
        search.codes(k, codes, 0);
        assertThat(new ScalarSearches.Found(search.scale(k), 0, codes))
            .as("run %d of %d", k, count)
            .usingRecursiveComparison()
            .isEqualTo(ScalarSearches.signed(runs[k][0], runs[k][1], highest));
      }
    }
  }

  private static float[][][] fill(
      SubBlocks blocks, SplittableRandom random, int count, int length) {
    float[][][] runs = runs(random, count, length);
    blocks.clear();
    for (float[][] run : runs) {
      blocks.add(run[0], 0, run[1]);
    }
    return runs;
  }

  /// Weights and what errors in them count; every tenth run has something odd about it.
  private static float[][][] runs(SplittableRandom random, int count, int length) {
    float[][][] runs = new float[count][2][length];
    for (int k = 0; k < count; k++) {
      float scale = (float) Math.pow(10, random.nextDouble(-6, 3));
      float shift = k % 10 == 3 ? 2 * scale : k % 10 == 6 ? -2 * scale : 0;
      boolean flat = k % 10 == 9;
      for (int i = 0; i < length; i++) {
        runs[k][0][i] = flat ? -k % 20 + 9 : (float) random.nextDouble(-scale, scale) + shift;
        runs[k][1][i] = (float) random.nextDouble();
      }
    }
    return runs;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void codesOfTheTableAreTheNearest(int seed) {
    var random = new SplittableRandom(seed);
    for (int i = 0; i < 10_000; i++) {
      float value =
          i % 2 == 0 ? random.nextInt(-300, 300) / 2f : (float) random.nextDouble(-150, 150);
      int nearest = 0;
      for (int code = 1; code < 16; code++) {
        float distance = Math.abs(TableSearch.value(code) - value);
        nearest = distance <= Math.abs(TableSearch.value(nearest) - value) ? code : nearest;
      }
      assertThat(TableSearch.code(value)).as("code of %s", value).isEqualTo(nearest);
    }
  }

  @Test
  void theStepOfScalesIsExactWhereTheyAreMultiplesOfOne() {
    int[] codes = new int[4];
    float step =
        PositiveSearch.step(new float[] {0.5f, 31.5f, 8, 0}, new float[] {1, 2, 3, 4}, 63, codes);
    assertThat(step).isEqualTo(0.5f);
    assertThat(codes).containsExactly(1, 63, 16, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "0.5, 1",
    "-0.5, -1",
    "1.5, 2",
    "2.5, 3",
    "-2.5, -3",
    "0.49999997, 0",
    "-0.49999997, 0",
    "126.5, 127"
  })
  void tiesAreRoundedAwayFromZero(float value, int expected) {
    assertThat(Rounding.awayFromZero(value)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "0.5, 0",
    "-0.5, 0",
    "1.5, 2",
    "2.5, 2",
    "-2.5, -2",
    "0.50000006, 1",
    "9, 5",
    "-9, -5"
  })
  void tiesAreRoundedToEven(float value, int expected) {
    assertThat(Rounding.nearest(value, -5, 5)).isEqualTo(expected);
  }
}
