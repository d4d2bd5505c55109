package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.Jobs;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.recipes.evidence.Evidence;
import java.util.List;

/// What a [BitMethod] is asked.
///
/// @param model the weights, read only
/// @param evidence what calibration saw; layers without statistics when there was no calibration
/// @param widths bits that a weight may have, ascending
/// @param seed decides what is drawn by lot
/// @param workers for those who look at every weight
public record BitRequest(
    MoeModel model, Evidence evidence, List<Integer> widths, long seed, Jobs workers) {
  /// The widest grid there is.
  public static final int MOST_BITS = 8;

  public BitRequest {
    widths = List.copyOf(widths);
    requireWidths(widths);
  }

  static void requireWidths(List<Integer> widths) {
    boolean sound = !widths.isEmpty();
    for (int i = 0; i < widths.size(); i++) {
      int least = i == 0 ? 1 : widths.get(i - 1) + 1;
      sound = sound && widths.get(i) >= least && widths.get(i) <= MOST_BITS;
    }
    Checks.require(
        sound, "widths: %s (expected ascending numbers from 1 to %d)", widths, MOST_BITS);
  }
}
