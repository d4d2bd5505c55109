package io.moepress.cli.chart;

import io.moepress.formats.Checks;
import java.util.ArrayList;
import java.util.List;

/// A range of values with round numbers in it.
///
/// @param low the smallest value it reaches
/// @param high the largest
/// @param logarithmic whether equal ratios, and not equal differences, are equally long
/// @param ticks round numbers within the range, ascending
record Axis(double low, double high, boolean logarithmic, List<Double> ticks) {
  private static final double LOGARITHMIC_FROM = 4;
  private static final double MARGIN = 0.06;
  private static final double[] STEPS = {1, 2, 5, 10};

  Axis {
    ticks = List.copyOf(ticks);
  }

  /// Whether values differ so much that equal steps would hide the small ones.
  static boolean isWide(double smallest, double largest) {
    return smallest > 0 && largest / smallest > LOGARITHMIC_FROM;
  }

  /// An axis with equal steps.
  ///
  /// @param most the largest number of ticks wanted
  static Axis linear(double smallest, double largest, int most) {
    double range = largest > smallest ? largest - smallest : Math.max(Math.abs(largest), 1);
    double low = smallest - MARGIN * range;
    double high = largest + MARGIN * range;
    double step = step((high - low) / most);
    List<Double> ticks = new ArrayList<>();
    for (long i = (long) Math.ceil(low / step); i * step <= high; i++) {
      ticks.add(i * step);
    }
    return new Axis(low, high, false, ticks);
  }

  /// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
  private static double step(double least) {
    double power = Math.pow(10, Math.floor(Math.log10(least)));
    for (double step : STEPS) {
      if (step * power >= least) {
        return step * power;
      }
    }
    return 10 * power;
  }

  /// An axis with equal ratios.
  static Axis logarithmic(double smallest, double largest) {
    double margin = Math.pow(largest / smallest, MARGIN);
    double low = smallest / margin;
    double high = largest * margin;
    List<Double> ticks = new ArrayList<>();
    for (int power = (int) Math.floor(Math.log10(low)); Math.pow(10, power) <= high; power++) {
      for (double step : steps(high / low)) {
        double tick = step * Math.pow(10, power);
        if (tick >= low && tick <= high) {
          ticks.add(tick);
        }
      }
    }
    return new Axis(low, high, true, ticks);
  }

  /// The ticks of each power of ten: the shorter the axis, the more.
  private static double[] steps(double ratio) {
    if (ratio > 1000) {
      return new double[] {1};
    }
    return ratio > 20 ? new double[] {1, 2, 5} : new double[] {1, 1.5, 2, 3, 5, 7};
  }

  /// Where a value is: 0 at the low end, 1 at the high one.
  double position(double value) {
    return logarithmic
        ? Math.log(value / low) / Math.log(high / low)
        : (value - low) / (high - low);
  }

  /// A tick as people write it.
  String label(double tick) {
    double step = ticks.size() > 1 && !logarithmic ? ticks.get(1) - ticks.get(0) : tick;
    if (tick == Math.rint(tick) && step >= 1) {
      return Checks.text("%,.0f", tick);
    }
    return step >= 0.1 ? Checks.text("%.1f", tick) : Checks.text("%.2f", tick);
  }
}
