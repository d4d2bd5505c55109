package io.moepress.quantize;

import io.moepress.formats.Checks;
import io.moepress.formats.integer.IntegerGrid;
import io.moepress.formats.integer.IntegerGrid.Step;
import io.moepress.formats.tensor.DType;

/// Of grids that reach less and less far, the one that is nearest to the weights: few large weights
/// are cut off, so that all others have a finer grid.
///
/// ```
/// p_i   = 1 - i / steps,  i = 0, 1, … < shrink · steps
/// error = Σ |w - ŵ|^exponent      with the grid for p_i · smallest, p_i · largest weight
/// ```
///
/// The least error wins, of equal ones the widest grid. Scales are rounded to the type they are
/// stored in before the error is taken. A symmetric grid of 1 bit is not searched for: it has the
/// mean magnitude.
///
/// Source: `Quantizer.find_params` with `mse` of IST-DASLab/gptq `2e22596`, whose options are
/// `maxshrink` 0.8, `grid` 100 and `norm` 2.4. llm-compressor's observer of the same kind goes no
/// further than a `maxshrink` of 0.2.
///
/// @param shrink how much of the reach may go, in (0, 1]
/// @param steps grids for the whole reach
/// @param exponent of errors, positive; 2 takes a fraction of the time of others
public record ScaleSearch(double shrink, int steps, double exponent) implements ScaleChoice {
  /// The options of the source.
  public static final ScaleSearch DEFAULT = new ScaleSearch(0.8, 100, 2.4);

  public ScaleSearch {
    Checks.require(
        shrink > 0 && shrink <= 1, "scale search: shrink %s (expected above 0, at most 1)", shrink);
    Checks.require(steps > 0, "scale search: %d steps (expected at least 1)", steps);
    Checks.require(
        exponent > 0 && Double.isFinite(exponent),
        "scale search: exponent %s (expected a positive number)",
        exponent);
  }

  @Override
  public Step step(IntegerGrid grid, float[] members, DType scaleType) {
    Step best = grid.step(members, scaleType);
    if (grid.isSign()) {
      return best;
    }
    float smallest = 0;
    float largest = 0;
    for (float member : members) {
      smallest = Math.min(smallest, member);
      largest = Math.max(largest, member);
    }
    double least = error(grid, best, members, Double.POSITIVE_INFINITY);
    for (int i = 1; i < (int) (shrink * steps); i++) {
      double reach = 1 - (double) i / steps;
      Step step = grid.step((float) (reach * smallest), (float) (reach * largest), scaleType);
      double error = error(grid, step, members, least);
      if (error < least) {
        least = error;
        best = step;
      }
    }
    return best;
  }

  /// The error, or as much of it as is not less than `enough`.
  private double error(IntegerGrid grid, Step step, float[] members, double enough) {
    double sum = 0;
    for (int i = 0; i < members.length && sum < enough; i++) {
      double off = Math.abs((double) members[i] - grid.value(grid.code(members[i], step), step));
      sum += exponent == 2 ? off * off : Math.pow(off, exponent);
    }
    return sum;
  }
}
