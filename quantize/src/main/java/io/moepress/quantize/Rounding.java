package io.moepress.quantize;

/// How single numbers become codes.
interface Rounding {

  /// Where the values of a grid lie.
  ///
  /// @param scale distance between neighbours, positive
  /// @param zeroPoint code of 0
  record Step(double scale, int zeroPoint) {}

  /// Scale and zero point for the numbers from `from` to before `to`.
  Step step(double[] numbers, int from, int to);

  /// The code whose value is nearest.
  int code(double number, Step step);

  /// The value of a code.
  double value(int code, Step step);
}
