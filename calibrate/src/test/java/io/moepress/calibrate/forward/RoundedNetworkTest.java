package io.moepress.calibrate.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RoundedNetworkTest {

  @Test
  void oneBitIsTheSignTimesTheMeanMagnitude() {
    float[] row = {1, -2, 0, 5};

    RoundedNetwork.round(row, 1);

    assertThat(row).containsExactly(2, -2, 2, 2);
  }

  /// From -1 to 5 in steps of 2: 0 has a code of its own, halves go to the even one.
  @Test
  void moreBitsLieEvenlyFromTheSmallestToTheLargest() {
    float[] row = {-1, 5, 1.5f, 0, 3.9f};

    RoundedNetwork.round(row, 2);

    assertThat(row).containsExactly(0, 4, 2, 0, 4);
  }

  @Test
  void zeroIsOnTheGridOfValuesOfOneSign() {
    float[] row = {4, 5, 6};

    RoundedNetwork.round(row, 2);

    assertThat(row).containsExactly(4, 4, 6);
  }

  /// As MC-MoE's quantiser does it, `(clamp(round(w / s) + z) − z) · s`, on codes from 0. The value
  /// is off by one float32 rounding.
  @ParameterizedTest
  @CsvSource({"2, 128", "3, 300", "4, 128", "8, 200"})
  void groupsOf128HaveGridsOfTheirOwn(int bits, int columns) {
    float[] row = random(bits, columns);
    float[] rounded = row.clone();

    RoundedNetwork.round(rounded, bits);

    for (int first = 0; first < columns; first += 128) {
      int end = Math.min(columns, first + 128);
      double low = 0;
      double high = 0;
      for (int i = first; i < end; i++) {
        low = Math.min(low, row[i]);
        high = Math.max(high, row[i]);
      }
      float scale = (float) ((high - low) / ((1 << bits) - 1));
      double zero = Math.rint(-low / scale);
      for (int i = first; i < end; i++) {
        double code = Math.clamp(Math.rint(row[i] / scale) + zero, 0, (1 << bits) - 1);
        assertThat((double) rounded[i])
            .isCloseTo((code - zero) * scale, within(1e-7 * (Math.abs(rounded[i]) + scale)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void zerosStayZeros(int bits) {
    float[] row = new float[130];

    RoundedNetwork.round(row, bits);

    for (float value : row) {
      assertThat(Math.abs(value)).isLessThan(1e-30f);
    }
  }

  @Test
  void moreBitsChangeLess() {
    double before = Double.POSITIVE_INFINITY;
    for (int bits = 1; bits <= 8; bits++) {
      float[] row = random(1, 4096);
      float[] rounded = row.clone();
      RoundedNetwork.round(rounded, bits);
      double squares = 0;
      for (int i = 0; i < row.length; i++) {
        squares += Math.pow(row[i] - rounded[i], 2);
      }
      assertThat(squares).isLessThan(before);
      before = squares;
    }
  }

  private static float[] random(long seed, int count) {
    double[] values = new SplittableRandom(seed).doubles(count, -1, 1.5).toArray();
    float[] floats = new float[count];
    for (int i = 0; i < count; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }
}
