package io.moepress.recipes.plan;

import java.util.Optional;

/// What a recipe asks of the numbers of experts of layers, besides the budget.
///
/// @param allocation how the budget is spread over layers; empty: as the method does by itself
/// @param snap to which numbers it is rounded
/// @param uniformise whether every layer gets the same number where the target knows one number
///   only
public record CountOptions(Optional<AllocationMode> allocation, Snap snap, boolean uniformise) {

  /// What a recipe gets that says nothing.
  public static final CountOptions DEFAULT = new CountOptions(Optional.empty(), Snap.NONE, true);

  /// The same with this spread.
  public CountOptions spread(AllocationMode mode) {
    return new CountOptions(Optional.of(mode), snap, uniformise);
  }
}
