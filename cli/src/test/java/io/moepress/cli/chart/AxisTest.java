package io.moepress.cli.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AxisTest {
  @Test
  void ticksAreRoundNumbers() {
    assertThat(Axis.linear(4, 12, 5).ticks()).containsExactly(4.0, 6.0, 8.0, 10.0, 12.0);
    assertThat(labels(Axis.linear(0.45, 0.7, 5))).containsExactly("0.5", "0.6", "0.7");
    assertThat(labels(Axis.logarithmic(18, 1300)))
        .containsExactly("20", "50", "100", "200", "500", "1,000");
  }

  private static List<String> labels(Axis axis) {
    return axis.ticks().stream().map(axis::label).toList();
  }

  @ParameterizedTest
  @CsvSource({
    "18, 60, false",
    "18, 570, true",
    "0, 1, false",
    "5, 5, false",
    "1, 1e6, true",
    "20, 80, false",
    "20, 81, true"
  })
  void valuesThatDifferManyfoldAreWide(double smallest, double largest, boolean logarithmic) {
    assertThat(Axis.isWide(smallest, largest)).isEqualTo(logarithmic);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void everyValueAndTickIsInside(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = random.doubles(9).map(value -> Math.exp(12 * value - 4)).toArray();
    DoubleSummaryStatistics all = DoubleStream.of(values).summaryStatistics();
    for (Axis axis :
        new Axis[] {
          Axis.logarithmic(all.getMin(), all.getMax()), Axis.linear(all.getMin(), all.getMax(), 5)
        }) {
      assertThat(DoubleStream.of(values).map(axis::position)).allMatch(at -> at > 0 && at < 1);
      assertThat(axis.ticks()).isSorted().doesNotHaveDuplicates().hasSizeBetween(0, 16);
      assertThat(axis.ticks()).allMatch(tick -> axis.position(tick) >= 0);
      assertThat(axis.position(axis.low())).isZero();
      assertThat(axis.position(axis.high())).isCloseTo(1, within(1e-12));
    }
  }

  @Test
  void equalRatiosAreEquallyLongOnALogarithmicAxis() {
    Axis axis = Axis.logarithmic(1, 1000);

    assertThat(axis.position(100) - axis.position(10))
        .isCloseTo(axis.position(1000) - axis.position(100), within(1e-12));
  }
}
