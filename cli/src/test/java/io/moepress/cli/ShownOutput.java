package io.moepress.cli;

import io.moepress.cli.Documents.Block;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a document shows of a table that a command prints. `...` stands for rows or columns that
/// are left out. What was measured may differ by one in the last digit that is shown, since other
/// processors add in another order; all else is the same, sizes and counts above all.
///
/// @param printed the lines of the command
record ShownOutput(List<String> printed) {
  private static final Pattern NUMBER = Pattern.compile("[0-9]+[.][0-9]+");
  private static final String LEFT_OUT = "...";

  ShownOutput {
    printed = List.copyOf(printed);
  }

  /// The lines of a block that no printed line is like.
  ///
  /// @param skip lines at the start that are no output
  List<String> missing(Block block, int skip) {
    List<String> missing = new ArrayList<>();
    for (String line : block.lines().subList(skip, block.lines().size())) {
      if (!line.equals(LEFT_OUT) && printed.stream().noneMatch(other -> isLike(line, other))) {
        missing.add(block.where() + ": is not printed: " + line);
      }
    }
    return missing;
  }

  private static boolean isLike(String shown, String printed) {
    List<String> words = words(printed);
    int from = 0;
    String[] parts = shown.split(Pattern.quote(" " + LEFT_OUT), -1);
    for (int part = 0; part < parts.length; part++) {
      List<String> wanted = words(parts[part]);
      int last = part == 0 ? 0 : words.size() - wanted.size();
      while (from <= last && !isLike(wanted, words, from)) {
        from++;
      }
      if (from > last || wanted.size() + from > words.size()) {
        return false;
      }
      from += wanted.size();
    }
    return parts.length > 1 || from == words.size();
  }

  private static boolean isLike(List<String> wanted, List<String> words, int from) {
    for (int i = 0; i < wanted.size(); i++) {
      boolean isSize = i + 1 < wanted.size() && wanted.get(i + 1).endsWith("iB");
      if (from + i >= words.size()
          || !(isSize
              ? wanted.get(i).equals(words.get(from + i))
              : isClose(wanted.get(i), words.get(from + i)))) {
        return false;
      }
    }
    return true;
  }

  /// The same but for one in the last digit of decimal fractions.
  private static boolean isClose(String shown, String printed) {
    Matcher one = NUMBER.matcher(shown);
    Matcher other = NUMBER.matcher(printed);
    if (!one.replaceAll("#").equals(other.replaceAll("#"))) {
      return false;
    }
    one.reset();
    other.reset();
    while (one.find() && other.find()) {
      BigDecimal value = new BigDecimal(one.group());
      BigDecimal difference = value.subtract(new BigDecimal(other.group())).abs();
      if (one.group().length() - one.group().indexOf('.')
              != other.group().length() - other.group().indexOf('.')
          || difference.compareTo(value.ulp()) > 0) {
        return false;
      }
    }
    return true;
  }

  private static List<String> words(String line) {
    return List.of(line.strip().split("\\s+", -1)).stream().filter(w -> !w.isEmpty()).toList();
  }
}
