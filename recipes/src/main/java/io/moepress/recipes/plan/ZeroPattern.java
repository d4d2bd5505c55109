package io.moepress.recipes.plan;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How many weights of each output row of a linear map become zero, and among which they are
/// chosen.
///
/// Written `40%` for `⌊C · 0.4⌋` of the `C` weights of a row, computed exactly; written `2:4` for 2
/// of every 4 neighbours.
///
/// @param share of the weights of a row that become zero, in [0, 1); 0 where they are chosen by
///   runs
/// @param zeros how many of each run of neighbours become zero; 0 without runs
/// @param every length of the runs; 0: they are chosen from the whole row
public record ZeroPattern(BigDecimal share, int zeros, int every) {

  private static final Pattern SHARE = Pattern.compile("([0-9]{1,3}(?:\\.[0-9]{1,18})?)(%?)");
  private static final Pattern RUNS = Pattern.compile("([0-9]{1,4}):([0-9]{1,4})");
  private static final int LARGEST_RUN = 1024;

  public ZeroPattern {
    Checks.require(
        share.signum() >= 0 && share.compareTo(BigDecimal.ONE) < 0,
        "%s (expected at least 0%% and less than 100%%)",
        percent(share));
    Checks.require(
        every == 0
            ? zeros == 0
            : share.signum() == 0 && zeros >= 1 && zeros < every && every <= LARGEST_RUN,
        "%d:%d (expected fewer zeros than neighbours, and up to %d neighbours)",
        zeros,
        every,
        LARGEST_RUN);
    share = share.stripTrailingZeros();
  }

  /// A share of every row.
  public static ZeroPattern of(BigDecimal share) {
    return new ZeroPattern(share, 0, 0);
  }

  /// Reads `40%`, `0.4` or `2:4`.
  ///
  /// @throws IllegalArgumentException if it is anything else, or out of range
  @JsonCreator
  public static ZeroPattern parse(String text) {
    return RUNS.matcher(text).matches() ? parseRuns(text) : parseShare(text);
  }

  /// Reads `40%` or `0.4`.
  ///
  /// @throws IllegalArgumentException if it is anything else, or out of range
  public static ZeroPattern parseShare(String text) {
    Matcher matcher = SHARE.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          Words.quoted(text) + " (expected a share such as 40% or 0.4)");
    }
    BigDecimal number = new BigDecimal(matcher.group(1));
    return of(matcher.group(2).isEmpty() ? number : number.movePointLeft(2));
  }

  /// Reads `2:4`.
  ///
  /// @throws IllegalArgumentException if it is anything else, or out of range
  public static ZeroPattern parseRuns(String text) {
    Matcher matcher = RUNS.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          Words.quoted(text) + " (expected zeros:neighbours such as 2:4)");
    }
    return new ZeroPattern(
        BigDecimal.ZERO, Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
  }

  /// Number of weights that are chosen from at a time, of a row of `columns`.
  public int run(int columns) {
    return every == 0 ? columns : every;
  }

  /// How many of them become zero, rounded down.
  public int zerosOf(int columns) {
    return every == 0
        ? share
            .multiply(BigDecimal.valueOf(columns))
            .setScale(0, RoundingMode.FLOOR)
            .intValueExact()
        : zeros;
  }

  /// How many weights of a row become zero.
  public long zerosOfRow(int columns) {
    return (long) (columns / Math.max(1, run(columns))) * zerosOf(columns);
  }

  /// Whether a row can be divided into runs.
  public boolean fits(long columns) {
    return every == 0 || columns % every == 0;
  }

  /// As in a recipe: `40%` or `2:4`.
  @Override
  @JsonValue
  public String toString() {
    return every == 0 ? percent(share) : zeros + ":" + every;
  }

  private static String percent(BigDecimal share) {
    return share.movePointRight(2).stripTrailingZeros().toPlainString() + "%";
  }
}
