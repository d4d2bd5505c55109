package io.moepress.formats;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/// The small words of error messages: quoted values and near misses.
public final class Words {
  private static final int LONGEST_QUOTE = 60;
  private static final int LARGEST_SLIP = 2;
  private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}]");

  private Words() {}

  /// The value in double quotes, safe for a terminal: at most 60 characters, control characters
  /// shown as `?`.
  public static String quoted(String value) {
    return '"' + shown(value) + '"';
  }

  /// As [#quoted(String)], without the quotes.
  public static String shown(String value) {
    String printable = printable(value);
    return printable.codePointCount(0, printable.length()) <= LONGEST_QUOTE
        ? printable
        : printable.substring(0, printable.offsetByCodePoints(0, LONGEST_QUOTE)) + "…";
  }

  /// The texts as alternatives: `2, 3 or 4`.
  public static String or(List<String> texts) {
    int last = texts.size() - 1;
    return last < 1
        ? String.join("", texts)
        : String.join(", ", texts.subList(0, last)) + " or " + texts.get(last);
  }

  /// The text, safe for a terminal: control characters, those that turn the direction of writing,
  /// and halves of surrogate pairs are shown as `?`.
  public static String printable(String text) {
    boolean plain = text.chars().allMatch(letter -> letter >= ' ' && letter <= '~');
    return plain ? text : UNPRINTABLE.matcher(text).replaceAll("?");
  }

  /// The closest of `words`, if it is a likely slip: one edit for every three letters, at most 2.
  /// Ties keep the alphabetically first.
  public static Optional<String> closest(String word, Collection<String> words) {
    return words.stream()
        .filter(candidate -> isSlip(word, candidate))
        .min(
            Comparator.comparingInt((String candidate) -> distance(word, candidate))
                .thenComparing(Comparator.naturalOrder()));
  }

  /// The way out for a near miss, to be appended to a message; empty if nothing is close.
  public static String didYouMean(String word, Collection<String> words) {
    return closest(word, words).map(near -> ". Did you mean " + quoted(near) + "?").orElse("");
  }

  private static boolean isSlip(String word, String candidate) {
    return Math.abs(word.length() - candidate.length()) <= LARGEST_SLIP
        && distance(word, candidate)
            <= Math.min(LARGEST_SLIP, Math.max(word.length(), candidate.length()) / 3);
  }

  /// Edits from one word to the other: letters inserted, dropped, replaced, or swapped with the
  /// next (optimal string alignment).
  private static int distance(String from, String to) {
    int[][] edits = new int[from.length() + 1][to.length() + 1]; // [prefix of from, prefix of to]
    for (int i = 0; i <= from.length(); i++) {
      for (int j = 0; j <= to.length(); j++) {
        edits[i][j] = i == 0 || j == 0 ? i + j : fewest(edits, from, to, i, j);
      }
    }
    return edits[from.length()][to.length()];
  }

  private static int fewest(int[][] edits, String from, String to, int i, int j) {
    char last = from.charAt(i - 1);
    int replaced = edits[i - 1][j - 1] + (last == to.charAt(j - 1) ? 0 : 1);
    int fewest = Math.min(replaced, 1 + Math.min(edits[i - 1][j], edits[i][j - 1]));
    boolean swapped =
        i > 1 && j > 1 && last == to.charAt(j - 2) && from.charAt(i - 2) == to.charAt(j - 1);
    return swapped ? Math.min(fewest, 1 + edits[i - 2][j - 2]) : fewest;
  }
}
