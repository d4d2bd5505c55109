package io.moepress.formats.encoding;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/// What is lost, bounded from the grids alone, for every encoding there is.
class BlockErrorTest {
  private static final int WIDTH = 512;
  private static final int SEEDS = 20;

  /// Half a unit in the last place of a half-precision number, relative to it.
  private static final double HALF = Math.pow(2, -11);

  /// A grid for blocks whose largest magnitude is 1.
  ///
  /// @param worst largest error of a weight
  /// @param step between neighbours; a uniform weight is off by `step / √12`, root mean square
  private record Grid(double worst, double step) {

    /// Codes from 0 to `highest`, from the smallest to the largest weight: at most 2 apart.
    static Grid offset(int highest) {
      return new Grid(1.0 / highest + 3 * HALF, 2.0 / highest);
    }

    /// Codes `−highest` to `highest − 1`, the largest magnitude at `−highest`: a weight of the
    /// other sign may be a whole step above the grid. Of uniform weights `1 / (4 highest)` are in
    /// that last half step, with seven times the mean square error.
    static Grid signed(int highest) {
      return new Grid(1.0 / highest + HALF, Math.sqrt(1 + 1.5 / highest) / highest);
    }

    /// Where scales are searched, the widest step tried may be `wider` times as wide, a weight
    /// beyond the end of the grid may be a whole one away instead of half of one, and a scale that
    /// is itself rounded to `1 / scales` is off by half of that at the end of the grid; so is an
    /// offset.
    Grid searched(double wider, int scales) {
      return new Grid(1.5 * wider * step + 1.0 / scales + 3 * HALF, wider * step);
    }
  }

  private static Grid grid(BlockEncoding encoding) {
    return switch (encoding) {
      case F32 -> new Grid(0, 0);
      case F16 -> new Grid(Math.pow(2, -11), Math.pow(2, -10));
      case BF16 -> new Grid(Math.pow(2, -8), Math.pow(2, -7));
      case Q8_0 -> new Grid(0.5 / 127 + HALF, 1.0 / 127);
      case Q4_0 -> Grid.signed(8);
      case Q5_0 -> Grid.signed(16);
      case Q4_1 -> Grid.offset(15);
      case Q5_1 -> Grid.offset(31);
      case Q2_K -> Grid.offset(3).searched(3 / 2.5, 15);
      case Q4_K -> Grid.offset(15).searched(15 / 14.0, 63);
      case Q5_K -> Grid.offset(31).searched(31 / 30.5, 63);
      case Q3_K -> Grid.signed(4).searched(1, 31);
      case Q6_K -> Grid.signed(32).searched(32 / 31.1, 127);
      case IQ4_NL -> new Grid(24 / 120.0, 16 / 120.0).searched(1, 1 << 10);
      case IQ4_XS -> new Grid(24 / 120.0, 16 / 120.0).searched(1, 31);
      case TQ1_0, TQ2_0 -> new Grid(0.5 + HALF, 1);
      // the largest magnitude is 8 to 16 times the unit, the numbers there are 8 and 12; of 16
      // units
      // four are 1 wide, two 2, one 4, and the last 4 belong to 12 (twice as far off)
      case MXFP4 -> new Grid(0.25, Math.sqrt((4 + 2 * 8 + 64 + 4 * 64) / 16.0) / 16);
    };
  }

  @ParameterizedTest
  @EnumSource
  void noWeightIsFurtherOffThanItsGridAllows(BlockEncoding encoding) {
    for (int seed = 0; seed < SEEDS; seed++) {
      float[] values = values(seed);
      float[] decoded = encoding.decode(encoding.encode(WeightRows.of("t", 0, WIDTH, values)));
      for (int first = 0; first < values.length; first += encoding.blockSize()) {
        double magnitude = 0;
        double error = 0;
        for (int i = first; i < first + encoding.blockSize(); i++) {
          magnitude = Math.max(magnitude, Math.abs(values[i]));
          error = Math.max(error, Math.abs((double) decoded[i] - values[i]));
        }
        // a few roundings of float32; and half of the smallest half-precision number
        double bound = (grid(encoding).worst + 1e-6) * magnitude + Math.pow(2, -25);
        assertThat(error).as("seed %d, block at %d", seed, first).isLessThanOrEqualTo(bound);
      }
    }
  }

  /// Where weights are uniform, errors are uniform within a step.
  @ParameterizedTest
  @EnumSource
  void onAverageWeightsAreOffByAStepOverTheRootOfTwelve(BlockEncoding encoding) {
    for (int seed = 0; seed < SEEDS; seed++) {
      var random = new SplittableRandom(seed);
      float[] values = new float[16 * WIDTH];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextDouble(-1, 1);
      }
      float[] decoded = encoding.decode(encoding.encode(WeightRows.of("t", 0, WIDTH, values)));
      double sum = 0;
      for (int i = 0; i < values.length; i++) {
        sum += Math.pow(decoded[i] - values[i], 2);
      }
      double expected = grid(encoding).step / Math.sqrt(12);
      // the square of a uniform error has a standard deviation of √0.8 of its mean; 3 of them
      double chance = 1 + 1.5 * Math.sqrt(0.8 / values.length);
      assertThat(Math.sqrt(sum / values.length))
          .as("seed %d", seed)
          .isLessThanOrEqualTo(chance * expected);
    }
  }

  /// A block that is on a grid already is on the grid that is found for it.
  @ParameterizedTest
  @EnumSource(
      mode = Mode.INCLUDE,
      names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0", "TQ1_0", "TQ2_0", "MXFP4"})
  void encodingAgainLosesNothing(BlockEncoding encoding) {
    for (int seed = 0; seed < SEEDS; seed++) {
      float[] values = values(seed);
      float[] once = encoding.decode(encoding.encode(WeightRows.of("t", 0, WIDTH, values)));
      float[] twice = encoding.decode(encoding.encode(WeightRows.of("t", 0, WIDTH, once)));
      assertThat(twice).as("seed %d", seed).containsExactly(once);
    }
  }

  /// Weights as they come: around zero; few and large among small ones; all of one sign.
  private static float[] values(int seed) {
    var random = new SplittableRandom(seed);
    float size = (float) Math.pow(10, random.nextDouble(0, 3));
    float[] values = new float[4 * WIDTH];
    for (int i = 0; i < values.length; i++) {
      float value = size * (float) random.nextGaussian();
      values[i] =
          switch (seed % 3) {
            case 0 -> value;
            case 1 -> i % 37 == 0 ? 20 * value : value;
            default -> size * (float) (5 + random.nextDouble());
          };
    }
    return values;
  }
}
