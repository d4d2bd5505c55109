package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// How many bits which experts get: what a recipe says of it.
///
/// @param method tells what bits cost
/// @param bits of codes for each weight on average; empty: `fit` says it
/// @param fit bytes of the whole checkpoint; empty: `bits` says it
/// @param widths bits that a weight may have, ascending
/// @param granularity which weights share a width; empty: as few as the target loads
public record BitChoice(
    BitMethod method,
    OptionalDouble bits,
    OptionalLong fit,
    List<Integer> widths,
    Optional<BitGranularity> granularity) {

  public BitChoice {
    widths = List.copyOf(widths);
    BitRequest.requireWidths(widths);
    Checks.require(
        bits.isPresent() != fit.isPresent(),
        "%s: %s (expected one of bits and fit). Say \"bits: 2.5\" or \"fit: 24GiB\"",
        method.name(),
        bits.isPresent() ? "both bits and fit" : "no budget");
    if (bits.isPresent()) {
      Checks.require(
          bits.getAsDouble() >= widths.getFirst() && bits.getAsDouble() <= widths.getLast(),
          "bits: %s (expected from %d to %d, the widths there are)",
          Double.toString(bits.getAsDouble()),
          widths.getFirst(),
          widths.getLast());
    }
  }
}
