package io.moepress.recipes.plan;

import java.util.SortedSet;
import java.util.TreeSet;

/// What an allocation of bits has to keep to.
///
/// @param budget how many bits there are
/// @param scope over what they are spread
/// @param granularity which weights share a width
/// @param guarded experts that get the largest width whatever it costs, and with them everything
///   that shares it
public record BitLimits(
    BitBudget budget, BitScope scope, BitGranularity granularity, SortedSet<ExpertId> guarded) {

  public BitLimits {
    guarded = new TreeSet<>(guarded);
  }

  /// The same at another granularity.
  public BitLimits with(BitGranularity other) {
    return new BitLimits(budget, scope, other, guarded);
  }
}
