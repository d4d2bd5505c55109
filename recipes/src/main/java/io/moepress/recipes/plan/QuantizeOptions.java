package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.integer.IntegerScheme;
import java.util.Optional;

/// What all ways to quantise share.
///
/// @param experts the scheme of routed experts
/// @param others the scheme of the other linear maps of decoder layers: attention, shared experts,
///   dense feed-forward networks; empty: they stay as they are. Routers, embedding and output head
///   always do
/// @param storage how the result is stored; empty: as the target likes it
public record QuantizeOptions(
    IntegerScheme experts, Optional<IntegerScheme> others, Optional<QuantizedStorage> storage) {

  public QuantizeOptions {
    Checks.require(
        others.isEmpty() || others.get().isSymmetric() == experts.isSymmetric(),
        "experts: %s, others: %s (expected both symmetric, or both not)",
        experts,
        others.map(IntegerScheme::toString).orElse(""));
  }
}
