package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import java.util.List;
import java.util.OptionalDouble;

/// The limits within which the result counts as good; a gate that is empty does not judge.
///
/// @param data names of the data that are judged; all when empty
/// @param perplexityRatio largest perplexity, as a multiple of the original's; more than 0
/// @param klDivergence largest mean KL divergence from the original, in nats per token; 0 or more
/// @param top1Agreement smallest share of tokens whose most likely successor is the original's; 0
///   to 1
/// @param accuracyDrop largest loss of multiple-choice accuracy against the original, as a share of
///   all questions; 0 to 1
public record Gates(
    List<String> data,
    OptionalDouble perplexityRatio,
    OptionalDouble klDivergence,
    OptionalDouble top1Agreement,
    OptionalDouble accuracyDrop) {
  /// No gate at all.
  public static final Gates NONE =
      new Gates(
          List.of(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty());

  public Gates {
    data = List.copyOf(data);
    perplexityRatio.ifPresent(Gates::requirePositive);
    klDivergence.ifPresent(Gates::requireNotNegative);
    top1Agreement.ifPresent(Gates::requireShare);
    accuracyDrop.ifPresent(Gates::requireShare);
  }

  static void requirePositive(double limit) {
    Checks.require(limit > 0 && Double.isFinite(limit), "%s (expected a number above 0)", limit);
  }

  static void requireNotNegative(double limit) {
    Checks.require(limit >= 0 && Double.isFinite(limit), "%s (expected 0 or more)", limit);
  }

  static void requireShare(double limit) {
    Checks.require(limit >= 0 && limit <= 1, "%s (expected a number from 0 to 1)", limit);
  }
}
