package io.moepress.recipes.plan;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A share of the experts of every layer stays.
///
/// Of `E` experts, `E − ⌊(1 − ratio) · E⌋` stay, computed exactly: what is dropped is rounded down,
/// so at least one expert stays.
///
/// @param ratio in (0, 1]; equal ratios are equal however they were written
public record KeepRatio(BigDecimal ratio) implements Budget.OfLayer {
  private static final Pattern NOTATION = Pattern.compile("(-?[0-9]{1,9}(?:\\.[0-9]{1,18})?)(%?)");

  public KeepRatio {
    Checks.require(
        ratio.signum() != 0,
        "0%% would leave no expert (expected more than 0%% and at most 100%%)");
    Checks.require(
        ratio.signum() > 0 && ratio.compareTo(BigDecimal.ONE) <= 0,
        "%s (expected more than 0%% and at most 100%%)",
        percent(ratio));
    ratio = ratio.stripTrailingZeros();
  }

  /// Reads `50%` or `0.5`.
  ///
  /// @throws IllegalArgumentException if it is no ratio, or out of range
  public static KeepRatio parse(String text) {
    Matcher matcher = NOTATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          Words.quoted(text) + " (expected a ratio such as 50% or 0.5)");
    }
    BigDecimal number = new BigDecimal(matcher.group(1));
    if (!matcher.group(2).isEmpty()) {
      return new KeepRatio(number.movePointLeft(2));
    }
    Checks.require(
        number.compareTo(BigDecimal.ONE) <= 0,
        "%s (expected a ratio such as 50%% or 0.5). Write \"keep: %s%%\" for a share, or \"experts:"
            + " %s\" for a count",
        text,
        text,
        text);
    return new KeepRatio(number);
  }

  @Override
  public int kept(int experts) {
    Checks.require(experts > 0, "%d experts (expected at least 1)", experts);
    BigDecimal dropped = BigDecimal.ONE.subtract(ratio).multiply(BigDecimal.valueOf(experts));
    return experts - dropped.setScale(0, RoundingMode.FLOOR).intValueExact();
  }

  /// As in a recipe: `50%`.
  @Override
  public String toString() {
    return percent(ratio);
  }

  private static String percent(BigDecimal ratio) {
    return ratio.movePointRight(2).stripTrailingZeros().toPlainString() + "%";
  }
}
