package io.moepress.cli.chart;

import java.util.List;

/// A unit of size.
///
/// @param name such as `MiB`
/// @param bytes of one
public record SizeUnit(String name, double bytes) {
  private static final List<String> NAMES = List.of("bytes", "KiB", "MiB", "GiB", "TiB");
  private static final double STEP = 1024;

  /// The unit in which so many bytes are a short number.
  public static SizeUnit of(long largest) {
    int power = 0;
    while (power < NAMES.size() - 1 && largest >= Math.pow(STEP, power + 1.0)) {
      power++;
    }
    return new SizeUnit(NAMES.get(power), Math.pow(STEP, power));
  }
}
