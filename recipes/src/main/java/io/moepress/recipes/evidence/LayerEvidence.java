package io.moepress.recipes.evidence;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What calibration saw of one decoder layer.
///
/// @param layer its index
/// @param tokens number of tokens of all domains
/// @param experts what was gathered of its routed experts; null where it has none
/// @param linears what was gathered of its other linear maps
public record LayerEvidence(
    int layer, long tokens, Evidence.@Nullable Layer experts, LinearSums linears) {

  /// The routed experts that no token reached, ascending; none where nothing was measured.
  public List<Integer> starved() {
    List<Integer> starved = new ArrayList<>();
    if (experts != null && experts.statistics().contains(Statistic.ROUTED_TOKENS)) {
      double[] routed = experts.total(Statistic.ROUTED_TOKENS);
      for (int expert = 0; expert < routed.length; expert++) {
        if (routed[expert] == 0) {
          starved.add(expert);
        }
      }
    }
    return starved;
  }
}
