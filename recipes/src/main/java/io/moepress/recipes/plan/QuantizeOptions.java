package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.integer.IntegerScheme;
import java.util.Optional;

/// What all ways to quantise share.
///
/// @param experts the scheme of routed experts; where a method chooses their bits, with the most
/// @param bits how their bits are chosen; empty: all have those of the scheme
/// @param others the scheme of the other linear maps of decoder layers: attention, shared experts,
///   dense feed-forward networks; empty: they stay as they are. Routers, embedding and output head
///   always do
/// @param storage how the result is stored; empty: as the target likes it
public record QuantizeOptions(
    IntegerScheme experts,
    Optional<BitChoice> bits,
    Optional<IntegerScheme> others,
    Optional<QuantizedStorage> storage) {

  public QuantizeOptions {
    Checks.require(
        others.isEmpty() || others.get().isSymmetric() == experts.isSymmetric(),
        "experts: %s, others: %s (expected both symmetric, or both not)",
        experts,
        others.map(IntegerScheme::toString).orElse(""));
  }
}
