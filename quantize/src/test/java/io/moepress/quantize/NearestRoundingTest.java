package io.moepress.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.moepress.formats.FormatException;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.integer.IntegerMatrix;
import io.moepress.formats.integer.IntegerMatrix.Sharing;
import io.moepress.formats.tensor.DType;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Rounding to the nearest, with scales from extremes and from a search.
class NearestRoundingTest {
  private static final ScaleSearch SEARCH = ScaleSearch.DEFAULT;

  static Stream<IntegerGrid> grids() {
    return Stream.of(2, 3, 4, 8)
        .flatMap(bits -> Stream.of(new IntegerGrid(bits, true), new IntegerGrid(bits, false)));
  }

  private static double error(IntegerGrid grid, Step step, float[] members, double exponent) {
    double error = 0;
    for (float member : members) {
      double off = Math.abs((double) member - grid.value(grid.code(member, step), step));
      error += Math.pow(off, exponent);
    }
    return error;
  }

  /// All that the search looks at, without a short cut.
  private static Step best(IntegerGrid grid, float[] members) {
    float smallest = 0;
    float largest = 0;
    for (float member : members) {
      smallest = Math.min(smallest, member);
      largest = Math.max(largest, member);
    }
    Step best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < 80; i++) {
      double reach = 1 - i / 100.0;
      Step step = grid.step((float) (reach * smallest), (float) (reach * largest), DType.F16);
      double error = error(grid, step, members, 2.4);
      if (error < least) {
        least = error;
        best = step;
      }
    }
    return best;
  }

  @ParameterizedTest
  @MethodSource("grids")
  void theSearchFindsTheLeastErrorOfAll(IntegerGrid grid) {
    for (int seed = 0; seed < 20; seed++) {
      float[] members = Drawn.weights(64, seed);

      assertThat(SEARCH.step(grid, members, DType.F16)).isEqualTo(best(grid, members));
    }
  }

  @ParameterizedTest
  @MethodSource("grids")
  void aSearchedGridIsBetterThanOneFromTheExtremes(IntegerGrid grid) {
    ScaleSearch squares = new ScaleSearch(0.8, 100, 2);
    double searched = 0;
    double extremes = 0;
    for (int seed = 0; seed < 20; seed++) {
      float[] members = Drawn.weights(64, seed);
      double best = error(grid, squares.step(grid, members, DType.F32), members, 2);
      double widest = error(grid, grid.step(members, DType.F32), members, 2);
      assertThat(best).isLessThanOrEqualTo(widest);
      searched += best;
      extremes += widest;
    }
    if (grid.bits() < 8) { // a grid that fine cuts nothing off
      assertThat(searched).isLessThan(extremes);
    }
  }

  /// Whole numbers and one that is far away: it is cut off, for all others lie close to the grid
  /// then.
  @Test
  void anOutlierIsCutOff() {
    float[] members = new float[1000];
    for (int i = 0; i < members.length; i++) {
      members[i] = i % 15 - 7;
    }
    members[500] = 15;
    IntegerGrid grid = new IntegerGrid(4, true);

    Step step = SEARCH.step(grid, members, DType.F32);

    assertThat(step.scale()).isBetween(0.95f, 1.05f);
    assertThat(grid.step(members, DType.F32).scale()).isEqualTo(2);
  }

  @Test
  void aSearchOfOneStepAndASignKeepTheExtremes() {
    float[] members = Drawn.weights(32, 1);
    IntegerGrid four = new IntegerGrid(4, false);
    IntegerGrid sign = new IntegerGrid(1, true);

    assertThat(new ScaleSearch(0.01, 100, 2).step(four, members, DType.F32))
        .isEqualTo(four.step(members, DType.F32));
    assertThat(SEARCH.step(sign, members, DType.F32)).isEqualTo(sign.step(members, DType.F32));
  }

  /// Errors below 1 to a power that high are 0.
  @Test
  void ofEqualErrorsTheWidestGridIsKept() {
    IntegerGrid grid = new IntegerGrid(4, true);
    float[] members = {0.5f, -0.25f, 0.125f};

    assertThat(new ScaleSearch(0.8, 100, 1e6).step(grid, members, DType.F32))
        .isEqualTo(grid.step(members, DType.F32));
  }

  @Test
  void zerosHaveAScaleAndStayZero() {
    for (IntegerGrid grid : grids().toList()) {
      Step step = SEARCH.step(grid, new float[16], DType.F16);

      assertThat(step.scale()).isPositive();
      assertThat(grid.value(grid.code(0, step), step)).isZero();
    }
  }

  @ParameterizedTest
  @MethodSource("grids")
  void everyWeightIsRoundedWithTheScaleOfItsGroup(IntegerGrid grid) {
    float[] weights = Drawn.weights(6 * 40, 3);
    StoredGrid scheme = new StoredGrid(grid, new Sharing.Group(16), DType.BF16);

    IntegerMatrix plain = new NearestRounding(new Extremes()).encode(weights, 6, scheme);
    IntegerMatrix searched = new NearestRounding(SEARCH).encode(weights, 6, scheme);

    assertThat(plain.decode())
        .isEqualTo(IntegerMatrix.encode(weights, 6, grid, scheme.sharing(), DType.BF16).decode());
    float[] last = new float[8]; // of row 5
    System.arraycopy(weights, 5 * 40 + 32, last, 0, 8);
    assertThat(searched.scales()[5 * 3 + 2]).isEqualTo(SEARCH.step(grid, last, DType.BF16).scale());
  }

  @Test
  void brokenOptionsAndWeightsAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ScaleSearch(0, 100, 2))
        .withMessageContaining("shrink 0.0 (expected above 0, at most 1)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ScaleSearch(0.5, 0, 2))
        .withMessageContaining("0 steps");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ScaleSearch(0.5, 10, Double.NaN))
        .withMessageContaining("exponent NaN");
    StoredGrid scheme = new StoredGrid(new IntegerGrid(4, true), new Sharing.Channel(), DType.F32);
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> new NearestRounding(SEARCH).encode(new float[] {1, Float.NaN}, 1, scheme))
        .withMessageContaining("value 1 is NaN");
  }
}
